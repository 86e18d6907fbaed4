"""What hangs on walls: windows, doors, pictures, shelves, boards; painted straight onto the wall's texture."""

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.synthetic.draw import Color, Draw, shade
from pipeline.synthetic.texture import PPM, Picture, noise

Paint = Callable[[Draw, Picture, float], float]


def decorate(draw: Draw, wall: Picture, outdoor: bool) -> None:
    """Paint a skirting board and a row of things along a wall (H × W × 3), from left to right."""
    skirting = draw.color((0.02, 0.2), (0.4, 0.95))
    _rectangle(wall, 0, 0, wall.shape[1] / PPM, 0.09, skirting)
    things: tuple[Paint, ...] = (
        (_window, _door) if outdoor else (_window, _door, _picture, _shelf, _board, _picture, _clock)
    )
    x = float(draw.rng.uniform(0.1, 1.2))
    while x < wall.shape[1] / PPM - 1.2:
        thing = things[int(draw.rng.integers(len(things)))]
        x += thing(draw, wall, x) + float(draw.rng.uniform(0.25, 1.3))


def _rectangle(wall: Picture, x: float, y: float, width: float, height: float, color: Color) -> None:
    """Fill a rectangle given in metres from the wall's lower left corner."""
    top = wall.shape[0] - (y + height) * PPM
    first, second = (round(x * PPM), round(top)), (round((x + width) * PPM) - 1, round(top + height * PPM) - 1)
    cv2.rectangle(wall, first, second, color, -1)


def _window(draw: Draw, wall: Picture, x: float) -> float:
    width, height, sill = draw.uniform(0.8, 1.8), draw.uniform(0.9, 1.4), draw.uniform(0.8, 1.05)
    frame = shade(draw.color((0.0, 0.2), (0.6, 0.98)), 1.0)
    _rectangle(wall, x, sill, width, height, frame)
    sky, panes = draw.color((0.03, 0.25), (0.8, 1.0), hue=(0.5, 0.65)), int(draw.rng.integers(1, 4))
    pane = width / panes
    for index in range(panes):
        _rectangle(wall, x + index * pane + 0.05, sill + 0.05, pane - 0.1, height - 0.1, sky)
        _rectangle(wall, x + index * pane + 0.05, sill + 0.05, pane - 0.1, 0.35 * height, shade(sky, 0.72))
    _rectangle(wall, x - 0.06, sill - 0.05, width + 0.12, 0.05, shade(frame, 0.85))
    if draw.chance(0.4):
        cloth = draw.color((0.1, 0.6), (0.3, 0.9))
        for side in (x - 0.15, x + width - 0.15):
            _rectangle(wall, side, max(0.1, sill - 0.6), 0.3, height + 0.7, cloth)
            _rectangle(wall, side + 0.1, max(0.1, sill - 0.6), 0.06, height + 0.7, shade(cloth, 0.85))
    return width


def _door(draw: Draw, wall: Picture, x: float) -> float:
    color = draw.material((0.3, 0.95))
    _rectangle(wall, x - 0.07, 0, 1.04, 2.1, shade(color, 0.75))
    _rectangle(wall, x, 0, 0.9, 2.03, color)
    for y in (0.2, 1.1):
        _rectangle(wall, x + 0.15, y, 0.6, 0.75, shade(color, 0.9))
    _rectangle(wall, x + 0.78, 0.98, 0.08, 0.04, (200, 195, 180))
    return 1.0


def _picture(draw: Draw, wall: Picture, x: float) -> float:
    width, height = draw.uniform(0.35, 1.0), draw.uniform(0.35, 0.8)
    base = draw.uniform(1.2, 1.5)
    _rectangle(wall, x, base, width, height, draw.color((0.0, 0.5), (0.05, 0.9)))
    _rectangle(wall, x + 0.03, base + 0.03, width - 0.06, height - 0.06, draw.color((0.0, 0.3), (0.6, 1.0)))
    for _ in range(3):
        part_x, part_y = draw.rng.uniform(0.08, 0.5, 2)
        color = draw.color((0.1, 0.7), (0.2, 0.9))
        _rectangle(wall, x + part_x * width, base + part_y * height, 0.4 * width, 0.38 * height, color)
    return width


def _shelf(draw: Draw, wall: Picture, x: float) -> float:
    width, board = draw.uniform(0.7, 1.3), draw.material((0.3, 0.9))
    levels = int(draw.rng.integers(2, 5))
    _rectangle(wall, x, 0.05, width, levels * 0.38 + 0.05, shade(board, 0.55))
    for level in range(levels):
        left = x + 0.05
        while left < x + width - 0.12:
            thick = float(draw.rng.uniform(0.03, 0.09))
            book = draw.color((0.1, 0.7), (0.2, 0.85))
            _rectangle(wall, left, 0.1 + level * 0.38, thick, float(draw.rng.uniform(0.18, 0.3)), book)
            left += thick + float(draw.rng.choice([0.01, 0.01, 0.15]))
        _rectangle(wall, x, 0.05 + level * 0.38, width, 0.05, board)
    _rectangle(wall, x, 0.05 + levels * 0.38, width, 0.05, board)
    for side in (x, x + width - 0.04):
        _rectangle(wall, side, 0.05, 0.04, levels * 0.38, board)
    return width


def _board(draw: Draw, wall: Picture, x: float) -> float:
    width = draw.uniform(1.0, 1.9)
    _rectangle(wall, x, 0.95, width, 1.0, (125, 125, 128))
    _rectangle(wall, x + 0.04, 0.99, width - 0.08, 0.92, draw.color((0.0, 0.3), (0.25, 1.0)))
    for _ in range(int(draw.rng.integers(2, 7))):
        at_x, at_y = x + draw.rng.uniform(0.1, 0.6) * width, 1.05 + draw.rng.uniform(0, 0.6)
        _rectangle(wall, at_x, at_y, draw.rng.uniform(0.1, 0.3) * width, 0.14, draw.color((0.0, 0.5), (0.4, 1.0)))
    return width


def _clock(draw: Draw, wall: Picture, x: float) -> float:
    center = (round((x + 0.2) * PPM), round(wall.shape[0] - 1.95 * PPM))
    cv2.circle(wall, center, round(0.17 * PPM), (40, 40, 42), -1, cv2.LINE_AA)
    cv2.circle(wall, center, round(0.15 * PPM), (235, 235, 228), -1, cv2.LINE_AA)
    cv2.line(wall, center, (center[0] + 5, center[1] - 6), (30, 30, 30), 2, cv2.LINE_AA)
    return 0.4


def sky(draw: Draw, height: int, width: int) -> Picture:
    """Return a sky (H × W × 3) with clouds, brighter towards the horizon."""
    top, low = draw.color((0.1, 0.5), (0.6, 0.95), hue=(0.53, 0.63)), draw.color((0.0, 0.12), (0.88, 1.0))
    part = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture = np.array(top, np.float32) * (1 - part) + np.array(low, np.float32) * part
    clouds = np.clip(noise(draw.rng, (height, width), width / 4, 4), 0, 2)[..., None] * 0.3
    mixed: Picture = (picture * (1 - clouds) + 245 * clouds).astype(np.float32)
    return mixed
