"""Procedural surfaces, as RGB pictures at `PPM` pixels per metre."""

from collections.abc import Callable
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.draw import Color, Draw

PPM = 72
Picture = NDArray[np.float32]


def noise(rng: np.random.Generator, shape: tuple[int, int], cell_px: float, octaves: int = 3) -> Picture:
    """Return smooth noise (H × W) around 0 with a standard deviation of about 1: value noise of several octaves."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        step = max(1.0, cell_px / 2**octave)
        small = (max(2, int(shape[0] / step) + 1), max(2, int(shape[1] / step) + 1))
        coarse = rng.standard_normal(small, dtype=np.float32)
        total += cast(Picture, cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)) / 1.6**octave
    return total / np.float32(max(1e-6, float(total.std())))


def _tinted(color: Color, brightness: NDArray[np.floating[Any]]) -> Picture:
    return cast(Picture, np.array(color, np.float32) * brightness.astype(np.float32)[..., None])


def plain(rng: np.random.Generator, shape: tuple[int, int], color: Color, roughness: float) -> Picture:
    """Return a plain colour with large soft stains and fine grain."""
    relief = 0.6 * noise(rng, shape, 90) + 0.4 * noise(rng, shape, 3, 1)
    return _tinted(color, 1 + roughness * relief)


def grid(
    rng: np.random.Generator,
    shape: tuple[int, int],
    color: Color,
    cell_m: tuple[float, float],
    shift: float,
    joint: float,
) -> Picture:
    """Return bricks, tiles, planks or slabs: cells (high, wide) of slightly different shades with joints between them.

    `shift` moves every other row sideways by that part of a cell; `joint` is the brightness of the joints.
    """
    rows = np.arange(shape[0])[:, None] / (cell_m[0] * PPM)
    row = np.floor(rows).astype(int)
    columns = np.arange(shape[1])[None] / (cell_m[1] * PPM) + shift * (row % 2) + 0.31 * (row % 3) * (shift > 0.4)
    column = np.floor(columns).astype(int)
    shades = rng.normal(1.0, 0.07, (64, 64)).astype(np.float32)
    out = plain(rng, shape, color, 0.04) * shades[row % 64, column % 64][..., None]
    edge_m = np.minimum((rows - row) * cell_m[0], (columns - column) * cell_m[1])
    out[edge_m < 0.014] *= joint
    return cast(Picture, out)


def stripes(rng: np.random.Generator, shape: tuple[int, int], color: Color, width_m: float, contrast: float) -> Picture:
    """Return vertical stripes."""
    wave = np.sign(np.sin(np.arange(shape[1]) * np.pi / (width_m * PPM)))
    return cast(Picture, plain(rng, shape, color, 0.02) * (1 + contrast * wave).astype(np.float32)[None, :, None])


def leaves(rng: np.random.Generator, shape: tuple[int, int], color: Color) -> Picture:
    """Return foliage or grass: strong fine noise."""
    relief = 0.1 * noise(rng, shape, 14, 3) + 0.12 * noise(rng, shape, 2, 1)
    return _tinted(color, 1 + relief)


def checker(rng: np.random.Generator, shape: tuple[int, int], color: Color, cell_m: float, contrast: float) -> Picture:
    """Return a chessboard."""
    y, x = (np.arange(size) // int(cell_m * PPM) for size in shape)
    sign = 1 - 2.0 * ((y[:, None] + x[None]) % 2)
    return cast(Picture, plain(rng, shape, color, 0.03) * (1 + contrast * sign).astype(np.float32)[..., None])


Maker = Callable[[Draw, tuple[int, int], Color], Picture]

INDOOR_FLOORS: tuple[Maker, ...] = (
    lambda d, s, c: grid(d.rng, s, c, (0.14, 1.4), 0.5, 0.72),
    lambda d, s, c: grid(d.rng, s, c, (0.45, 0.45), 0.0, 0.8),
    lambda d, s, c: plain(d.rng, s, c, 0.07),
    lambda d, s, c: plain(d.rng, s, c, 0.03),
    lambda d, s, c: checker(d.rng, s, c, 0.5, 0.16),
    lambda d, s, c: grid(d.rng, s, c, (0.9, 0.9), 0.0, 0.85),
    lambda d, s, c: grid(d.rng, s, c, (0.3, 0.6), 0.5, 1.15),
    lambda d, s, c: stripes(d.rng, s, c, 0.35, 0.05),
)
OUTDOOR_FLOORS: tuple[Maker, ...] = (
    lambda d, s, c: plain(d.rng, s, c, 0.09),
    lambda d, s, c: leaves(d.rng, s, d.color((0.25, 0.45), (0.35, 0.65), hue=(0.19, 0.31))),
    lambda d, s, c: grid(d.rng, s, c, (0.2, 0.4), 0.5, 0.75),
    lambda d, s, c: grid(d.rng, s, c, (0.8, 0.8), 0.0, 0.8),
    lambda d, s, c: leaves(d.rng, s, d.color((0.2, 0.45), (0.35, 0.65), hue=(0.19, 0.31))),
)
INDOOR_WALLS: tuple[Maker, ...] = (
    lambda d, s, c: plain(d.rng, s, c, 0.02),
    lambda d, s, c: stripes(d.rng, s, c, 0.12, 0.03),
    lambda d, s, c: grid(d.rng, s, c, (0.09, 0.26), 0.5, 1.2),
    lambda d, s, c: plain(d.rng, s, c, 0.05),
    lambda d, s, c: grid(d.rng, s, c, (1.2, 0.9), 0.0, 0.86),
    lambda d, s, c: plain(d.rng, s, c, 0.03),
    lambda d, s, c: grid(d.rng, s, c, (0.2, 0.2), 0.0, 1.12),
    lambda d, s, c: stripes(d.rng, s, c, 0.3, 0.06),
)
OUTDOOR_WALLS: tuple[Maker, ...] = (
    lambda d, s, c: grid(d.rng, s, d.color((0.25, 0.5), (0.5, 0.8), hue=(0.0, 0.08)), (0.09, 0.26), 0.5, 1.2),
    lambda d, s, c: leaves(d.rng, s, d.color((0.25, 0.45), (0.25, 0.55), hue=(0.22, 0.34))),
    lambda d, s, c: plain(d.rng, s, c, 0.04),
    lambda d, s, c: grid(d.rng, s, c, (3.0, 0.14), 0.0, 0.6),
    lambda d, s, c: grid(d.rng, s, c, (0.16, 2.5), 0.0, 0.65),
)
OUTDOOR_HEDGE = OUTDOOR_WALLS[1]
