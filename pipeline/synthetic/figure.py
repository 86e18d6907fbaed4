"""Drawing one person: shaded limbs, trunk, head, hair and clothes, from far to near."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.synthetic.body import Joint
from pipeline.synthetic.camera import Camera, Floats
from pipeline.synthetic.canvas import Canvas, capsules, hull
from pipeline.synthetic.draw import Color, shade
from pipeline.synthetic.person import Clothes, Person

_J = Joint
# Limbs as (from, to): legs and arms of both sides, feet, hands, neck.
_LIMBS = (
    (_J.HIP_L, _J.KNEE_L, "thigh"),
    (_J.HIP_R, _J.KNEE_R, "thigh"),
    (_J.KNEE_L, _J.ANKLE_L, "shank"),
    (_J.KNEE_R, _J.ANKLE_R, "shank"),
    (_J.ANKLE_L, _J.TOE_L, "foot"),
    (_J.ANKLE_R, _J.TOE_R, "foot"),
    (_J.SHOULDER_L, _J.ELBOW_L, "sleeve"),
    (_J.SHOULDER_R, _J.ELBOW_R, "sleeve"),
    (_J.ELBOW_L, _J.HAND_L, "forearm"),
    (_J.ELBOW_R, _J.HAND_R, "forearm"),
    (_J.HAND_L, _J.HAND_L, "hand"),
    (_J.HAND_R, _J.HAND_R, "hand"),
    (_J.CHEST, _J.HEAD, "neck"),
)
_START = np.array([limb[0] for limb in _LIMBS])
_END = np.array([limb[1] for limb in _LIMBS])
_KINDS = tuple(limb[2] for limb in _LIMBS)
# How much thicker than the joint's own radius a limb is at its start and end.
_THICK = {"thigh": (1.0, 1.0), "shank": (1.0, 0.95), "foot": (0.85, 1.0), "sleeve": (1.0, 1.05), "neck": (0.4, 0.42)}
_START_THICK = np.array([_THICK.get(kind, (1.0, 1.0))[0] for kind in _KINDS])
_END_THICK = np.array([_THICK.get(kind, (1.0, 1.0))[1] for kind in _KINDS])
_BANDS: dict[str, tuple[tuple[float, float], ...]] = {
    "plain": (),
    "stripes": ((0.15, 0.3), (0.45, 0.6), (0.75, 0.9)),
    "chest_band": ((0.3, 0.55),),
    "blocks": ((0.5, 0.97),),
    "yoke": ((0.0, 0.28),),
}
_TRUNK = [_J.SHOULDER_L, _J.SHOULDER_R, _J.HIP_L, _J.HIP_R]
# Brightness of a form's dark side; size of its lit part, which lies towards the light.
_DARK, _LIT_SIZE = 0.72, 0.74


@dataclass(frozen=True, slots=True)
class _View:
    """A person's joints in the picture."""

    points: Floats
    depth: Floats
    radius: Floats
    light: Floats


def draw_figure(canvas: Canvas, camera: Camera, person: Person, joints: Floats, light_px: Floats) -> None:
    """Draw a person whose joints (18 × 3) stand in the room.

    `light_px` (2) is the direction in the picture from which light comes, of length ≤ 1.
    """
    points, depth = camera.project(joints)
    view = _View(points, depth, camera.focal_px * person.body.radii / depth, light_px)
    parts = _limb_parts(canvas, view, person.clothes)
    parts.append((float(depth[_TRUNK].mean()) + 0.04, lambda: _draw_trunk(canvas, view, person.clothes)))
    parts.append((float(depth[_J.HEAD]), lambda: _draw_head(canvas, view, person.clothes)))
    if person.clothes.legwear.endswith("skirt"):
        parts.append(
            (float(depth[[_J.KNEE_L, _J.KNEE_R]].mean()) - 0.1, lambda: _draw_skirt(canvas, view, person.clothes))
        )
    if person.clothes.backpack is not None:
        parts.append(_backpack_part(canvas, camera, joints, person))
    for _, draw in sorted(parts, key=lambda part: -part[0]):
        draw()


def figure_outlines(canvas: Canvas, camera: Camera, person: Person, joints: Floats) -> list[Floats]:
    """Return convex outlines (V × 2, fixed point) that together cover the person; its shadow is drawn from them."""
    points, depth = camera.project(joints)
    radius = camera.focal_px * person.body.radii / depth
    start_radius, end_radius = radius[_START] * _START_THICK, radius[_END] * _END_THICK
    outlines = list(canvas.fixed(capsules(points[_START], points[_END], start_radius, end_radius)))
    body = capsules(points[_TRUNK], points[[_J.HIP_L, _J.HIP_R, _J.HIP_L, _J.HEAD]], radius[_TRUNK], radius[_TRUNK])
    outlines.append(hull(canvas.fixed(body.reshape(-1, 2))))
    return outlines


def _limb_parts(canvas: Canvas, view: _View, clothes: Clothes) -> list[tuple[float, Callable[[], None]]]:
    start_radius, end_radius = view.radius[_START] * _START_THICK, view.radius[_END] * _END_THICK
    start, end = view.points[_START], view.points[_END]
    dark = canvas.fixed(capsules(start, end, start_radius, end_radius))
    toward = view.light * 0.24
    lit_start, lit_end = start + start_radius[:, None] * toward, end + end_radius[:, None] * toward
    lit = canvas.fixed(capsules(lit_start, lit_end, _LIT_SIZE * start_radius, _LIT_SIZE * end_radius))
    depth = (view.depth[_START] + view.depth[_END]) / 2
    middle = float(view.depth[_J.PELVIS])

    def part(index: int) -> Callable[[], None]:
        color = _limb_color(_KINDS[index], clothes)
        color = shade(color, 0.86) if depth[index] > middle + 0.05 else color

        def draw() -> None:
            canvas.fill(dark[index], shade(color, _DARK))
            canvas.fill(lit[index], color)

        return draw

    return [(float(depth[index]), part(index)) for index in range(len(_LIMBS))]


def _limb_color(kind: str, clothes: Clothes) -> Color:
    if kind == "thigh":
        return clothes.legs
    if kind == "shank":
        return clothes.legs if clothes.legwear == "trousers" else clothes.skin
    if kind == "foot":
        return clothes.shoes
    if kind == "sleeve" or (kind == "forearm" and clothes.sleeves == "long"):
        return clothes.shirt
    return clothes.skin


def _draw_trunk(canvas: Canvas, view: _View, clothes: Clothes) -> None:
    points, radius = view.points[_TRUNK], view.radius[_TRUNK] * np.array([1.15, 1.15, 0.95, 0.95])
    outline = capsules(points, points[[1, 0, 3, 2]], radius, radius).reshape(-1, 2)
    canvas.fill(hull(canvas.fixed(outline)), shade(clothes.shirt, _DARK))
    lit = points + radius[:, None] * view.light * 0.25
    outline = capsules(lit, lit[[1, 0, 3, 2]], 0.8 * radius, 0.8 * radius).reshape(-1, 2)
    canvas.fill(hull(canvas.fixed(outline)), clothes.shirt)
    _draw_bands(canvas, points, radius, clothes)


def _draw_bands(canvas: Canvas, points: Floats, radius: Floats, clothes: Clothes) -> None:
    across = points[1] - points[0]
    across = across / max(1e-6, float(np.hypot(*across))) * 0.7
    left = np.stack([points[0] - across * radius[0], points[2] - across * radius[2]])
    right = np.stack([points[1] + across * radius[1], points[3] + across * radius[3]])
    for top, bottom in _BANDS[clothes.pattern]:
        ends = np.array([[1 - top, top], [1 - bottom, bottom]])
        quad = np.concatenate([ends @ left, ends @ right])
        canvas.fill_points(quad, clothes.shirt_second)


def _draw_skirt(canvas: Canvas, view: _View, clothes: Clothes) -> None:
    knees, ankles = view.points[[_J.KNEE_L, _J.KNEE_R]], view.points[[_J.ANKLE_L, _J.ANKLE_R]]
    reach = 0.6 if clothes.legwear == "long_skirt" else 0.0
    hem = knees * (1 - reach) + ankles * reach
    hips, hip_radius = view.points[[_J.HIP_L, _J.HIP_R]], view.radius[[_J.HIP_L, _J.HIP_R]]
    hem_radius = view.radius[[_J.KNEE_L, _J.KNEE_R]] * 1.5
    for size, color in ((1.0, shade(clothes.legs, _DARK)), (0.8, clothes.legs)):
        move = view.light * (1 - size) * hip_radius[0]
        canvas.fill_points(capsules(hips, hem, size * hip_radius, size * hem_radius).reshape(-1, 2) + move, color)


def _draw_head(canvas: Canvas, view: _View, clothes: Clothes) -> None:
    head, face, radius = view.points[_J.HEAD], view.points[_J.FACE], float(view.radius[_J.HEAD])
    scalp = clothes.skin if clothes.hair_style == "bald" else clothes.hair
    if clothes.hair_style == "long":
        down = view.points[_J.CHEST] - (face - head) * 1.2
        _blob(canvas, head, down, radius * 0.98, radius * 0.75, shade(clothes.hair, 0.85))
    if clothes.hair_style == "bun":
        bun = head - (face - head) * 1.2 + (head - view.points[_J.CHEST]) * 0.42
        _blob(canvas, bun, bun, radius * 0.45, radius * 0.45, clothes.hair)
    crown = head + (head - view.points[_J.CHEST]) * 0.08
    hair = partial(_blob, canvas, head, crown, radius, radius, scalp)
    skin = partial(_blob, canvas, face, face, 0.86 * radius, 0.86 * radius, clothes.skin, view.light)
    toward_camera = view.depth[_J.FACE] <= view.depth[_J.HEAD] + 0.015
    first, second = (hair, skin) if toward_camera else (skin, hair)
    first()
    second()
    if clothes.hair_style == "cap":
        _draw_cap(canvas, view, clothes.shirt_second)


def _draw_cap(canvas: Canvas, view: _View, color: Color) -> None:
    head, face, radius = view.points[_J.HEAD], view.points[_J.FACE], float(view.radius[_J.HEAD])
    up = head - view.points[_J.CHEST]
    up = up / max(1e-6, float(np.hypot(*up)))
    across = np.array([-up[1], up[0]])
    angle = np.linspace(0, np.pi, 9)
    dome = head + 1.08 * radius * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * up) + 0.1 * radius * up
    canvas.fill_points(dome, color)
    brim = face + (face - head) * 1.6 + 0.35 * radius * up
    _blob(canvas, head + 0.25 * radius * up, brim, radius * 0.25, radius * 0.2, shade(color, 0.8))


def _blob(
    canvas: Canvas,
    start: Floats,
    end: Floats,
    start_radius: float,
    end_radius: float,
    color: Color,
    light: Floats | None = None,
) -> None:
    shape = capsules(start[None], end[None], np.array([start_radius]), np.array([end_radius]))
    canvas.fill(canvas.fixed(shape)[0], color if light is None else shade(color, 0.8))
    if light is not None:
        middle = (start + light * 0.2 * start_radius)[None]
        shape = capsules(middle, middle, np.array([0.8 * start_radius]), np.array([0.8 * start_radius]))
        canvas.fill(canvas.fixed(shape)[0], color)


def _backpack_part(canvas: Canvas, camera: Camera, joints: Floats, person: Person) -> tuple[float, Callable[[], None]]:
    assert person.clothes.backpack is not None
    color = person.clothes.backpack
    front = joints[_J.FACE] - joints[_J.HEAD]
    front = front / max(1e-6, float(np.linalg.norm(front)))
    top = 0.9 * joints[_J.CHEST] + 0.1 * joints[_J.PELVIS] - front * 0.16
    bottom = 0.35 * joints[_J.CHEST] + 0.65 * joints[_J.PELVIS] - front * 0.19
    points, depth = camera.project(np.stack([top, bottom]))
    radius = camera.focal_px * 0.13 / depth

    def draw() -> None:
        _blob(canvas, points[0], points[1], radius[0], radius[1], shade(color, _DARK))
        _blob(canvas, points[0] - radius[0] * 0.1, points[1] - radius[1] * 0.1, 0.8 * radius[0], 0.8 * radius[1], color)

    return float(depth.mean()), draw
