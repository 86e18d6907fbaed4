"""A filmed scene: everything is decided from the seed when it is made; any frame can then be rendered on its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.backdrop import Room, draw_room, render_backdrop
from pipeline.synthetic.bag import Bag
from pipeline.synthetic.body import Joint
from pipeline.synthetic.camera import VIEW_WIDTH, Camera, Floats, draw_camera
from pipeline.synthetic.canvas import SUBPIXELS, Canvas
from pipeline.synthetic.draw import Draw, generator, shade
from pipeline.synthetic.figure import draw_figure, figure_outlines
from pipeline.synthetic.look import draw_look
from pipeline.synthetic.script import Script, write_script
from pipeline.synthetic.sight import point_visible, seen_stretches
from pipeline.synthetic.solid import Box, Solid, bag_boxes, seat_boxes, solid
from pipeline.synthetic.spec import FPS, SceneSpec
from pipeline.synthetic.stage import Stage, draw_stage
from pipeline.synthetic.truth import (
    ACTIONS,
    SITUATIONS,
    Interval,
    Stretch,
    Truth,
    abandoned,
    loitering,
    overlap,
    returns,
    union,
)
from pipeline.synthetic.visit import Visit
from pipeline.values import UInt8Array

# Small pictures are drawn larger and scaled down, as a camera's own scaler would.
_CANVAS_WIDTH = 320
_SHADOW_DARKNESS = 0.42


@dataclass(frozen=True, slots=True)
class _Layers:
    """What one picture size needs in every frame."""

    background: UInt8Array
    screens: UInt8Array | None
    screen_mask: UInt8Array | None
    vignette: UInt8Array
    noise: NDArray[np.int16]


class Scene:
    """The scene of a spec: `truth`, `labels` and `render`.

    Two scenes of equal specs are equal in every byte; no frame depends on which were rendered before. A scene is not
    meant to be shared between threads.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        style = Draw(generator(spec.seed, 1), spec.split)
        middle_m = style.uniform(3.3, 4.6)
        self.camera: Camera = draw_camera(style, middle_m)
        seats = int(style.rng.integers(1, 3)) + (spec.people > 1)
        self.stage: Stage = draw_stage(style, self.camera, middle_m - 0.9, middle_m + 1.3, seats)
        self.room: Room = draw_room(style, self.stage)
        self.look = draw_look(style, spec.seed)
        self._shadow = np.array([style.uniform(-0.6, 0.6), style.uniform(-0.3, 0.45)])
        self._seat_solids = [
            solid(seat_boxes(seat, style.material((0.2, 0.9))), self.camera) for seat in self.stage.seats
        ]
        self._furniture = _draw_furniture(style, self.room, self.stage)
        self._screens = _draw_screens(style, self.stage)
        self.script: Script = write_script(
            self.stage, Draw(generator(spec.seed, 2), spec.split), spec.duration_s, spec.people
        )
        self._layers: dict[tuple[int, int], _Layers] = {}

    @cached_property
    def screen_outlines(self) -> list[Floats]:
        """Convex outlines (V × 2, view pixels) of the furniture in front of everybody."""
        return [
            cv2.convexHull(np.float32(np.concatenate([face for face, _ in one.faces])))[:, 0].astype(float)
            for one in self._screens
        ]

    @cached_property
    def seen(self) -> list[list[Stretch]]:
        """For every visit of the script, the stretches during which the person is visible."""
        return seen_stretches(self.script, self.camera, self.screen_outlines, self.spec.duration_s)

    @cached_property
    def truth(self) -> Truth:
        """Exact intervals of all actions and situations."""
        stretches = self._actions() | self._situations()
        intervals = [
            Interval(start, end, label)
            for label, parts in stretches.items()
            for start, end in overlap(union(parts), 0.0, self.spec.duration_s)
        ]
        return Truth(self.spec.duration_s, tuple(sorted(intervals)))

    def labels(self, times_s: Sequence[float] | Floats, labels: Sequence[str] = ACTIONS) -> NDArray[np.bool_]:
        """Return which labels (C) hold at scene seconds `times_s` (N), as N × C."""
        return self.truth.table(np.asarray(times_s, dtype=np.float64), labels)

    def render(self, t_s: float, height: int, width: int) -> UInt8Array:
        """Return the picture at scene second `t_s`: height × width × 3 uint8, RGB; the 4:3 view is stretched to it."""
        layers = self._layers_of(height, width)
        canvas = Canvas(layers.background.copy())
        people = [visit for visit in self.script.visits if visit.start_s <= t_s < visit.end_s]
        joints = {id(visit): visit.joints(np.array([t_s]))[0] for visit in people}
        for visit in people:
            self._draw_shadow(canvas, visit, joints[id(visit)])
        for _, draw in sorted(self._drawables(canvas, people, joints, t_s), key=lambda one: -one[0]):
            draw()
        if layers.screens is not None and layers.screen_mask is not None:
            cv2.copyTo(layers.screens, layers.screen_mask, canvas.image)
        picture = canvas.image
        if picture.shape[1] != width or picture.shape[0] != height:
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        return self.look.apply(picture, layers.vignette, layers.noise, round(t_s * FPS), t_s)

    def _actions(self) -> dict[str, list[Stretch]]:
        out: dict[str, list[Stretch]] = {label: [] for label in ACTIONS}
        for visit, seen in zip(self.script.visits, self.seen, strict=True):
            for span in visit.spans:
                for label in span.labels:
                    out[label] += overlap(seen, span.start_s, span.end_s)
        return out

    def _situations(self) -> dict[str, list[Stretch]]:
        out: dict[str, list[Stretch]] = {label: [] for label in SITUATIONS}
        identities = {visit.identity for visit in self.script.visits}
        for identity in sorted(identities):
            pairs = zip(self.script.visits, self.seen, strict=True)
            seen = sorted(stretch for visit, stretches in pairs if visit.identity == identity for stretch in stretches)
            out["loitering"] += loitering(seen)
            out["return"] += returns(seen)
        for bag in self.script.bags:
            for rest in bag.rests:
                if point_visible(np.array([rest.x, 0.15, rest.z]), self.camera, self.screen_outlines):
                    out["abandoned_bag"] += abandoned(self.seen[rest.owner], rest.start_s, rest.end_s)
        return out

    def _layers_of(self, height: int, width: int) -> _Layers:
        if (height, width) not in self._layers:
            self._layers[height, width] = self._make_layers(height, width)
        return self._layers[height, width]

    def _make_layers(self, height: int, width: int) -> _Layers:
        factor = -(-_CANVAS_WIDTH // width)
        size = (width * factor, height * factor)
        empty = cv2.resize(self._backdrop, size, interpolation=cv2.INTER_AREA)
        screens, mask = None, None
        if self._screens:
            screens, mask = empty.copy(), np.zeros(size[::-1], np.uint8)
            for one in self._screens:
                one.draw(Canvas(screens))
            for outline in self.screen_outlines:
                Canvas(mask).fill_points(outline, 255.0)
            mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
        vignette, noise = self.look.vignette_map(height, width), self.look.noise_field(height, width)
        return _Layers(empty, screens, mask, vignette, noise)

    @cached_property
    def _backdrop(self) -> UInt8Array:
        picture = render_backdrop(Draw(generator(self.spec.seed, 3), self.spec.split), self.room, self.camera)
        for one in sorted(self._furniture, key=lambda one: -one.depth_m):
            one.draw(Canvas(picture))
        return picture

    def _drawables(self, canvas, people, joints, t_s):  # type: ignore[no-untyped-def]
        out = [(one.depth_m, lambda one=one: one.draw(canvas)) for one in self._seat_solids]
        for visit in people:
            points = joints[id(visit)]
            light = np.array(self.look.light_px)
            draw = lambda v=visit, p=points: draw_figure(canvas, self.camera, v.person, p, light)  # noqa: E731
            out.append((float(points[Joint.PELVIS, 2]) - 0.25, draw))
        for bag in self.script.bags:
            one = self._bag_solid(bag, joints, t_s)
            if one is not None:
                out.append((one.depth_m - 0.3, lambda one=one: one.draw(canvas)))
        return out

    def _bag_solid(self, bag: Bag, joints: dict[int, Floats], t_s: float) -> Solid | None:
        rest = bag.rest_at(t_s)
        if rest is not None:
            return solid(bag_boxes(rest.x, rest.z, 0.0, 0.4, bag.size_m, bag.shape, bag.color), self.camera)
        carrier = bag.carrier_at(t_s)
        if carrier is None or id(self.script.visits[carrier]) not in joints:
            return None
        hand = joints[id(self.script.visits[carrier])][Joint.HAND_R]
        tall = bag.size_m * {"handbag": 0.8, "suitcase": 1.35, "box": 0.8}[bag.shape] + 0.1
        bottom = max(0.0, float(hand[1]) - tall)
        return solid(
            bag_boxes(float(hand[0]), float(hand[2]), bottom, 0.4, bag.size_m, bag.shape, bag.color), self.camera
        )

    def _draw_shadow(self, canvas: Canvas, visit: Visit, joints: Floats) -> None:
        flat = joints.copy()
        flat[:, [0, 2]] += joints[:, 1:2] * self._shadow
        flat[:, 1] = 0.01
        outlines = figure_outlines(canvas, self.camera, visit.person, flat)
        every = np.concatenate(outlines) // SUBPIXELS
        height, width = canvas.image.shape[:2]
        margin = max(3, width // 60)
        low = np.maximum(every.min(axis=0) - margin, 0)
        high = np.minimum(every.max(axis=0) + margin + 1, (width, height))
        if (high <= low).any():
            return
        mask = np.full((high[1] - low[1], high[0] - low[0]), 255, np.uint8)
        for outline in outlines:
            cv2.fillConvexPoly(mask, outline - low * SUBPIXELS, 255 * (1 - _SHADOW_DARKNESS), cv2.LINE_AA, 4)
        blur = 2 * (width // 130) + 1
        soft = cv2.cvtColor(cv2.blur(mask, (blur, blur)), cv2.COLOR_GRAY2BGR)
        region = canvas.image[low[1] : high[1], low[0] : high[0]]
        region[:] = cv2.multiply(region, soft, scale=1 / 255)


def _draw_furniture(draw: Draw, room: Room, stage: Stage) -> list[Solid]:
    """Cupboards, tables, planters or hedges along the back wall."""
    out = []
    x = room.left_m + 0.5
    while x < room.right_m - 0.8:
        width, tall, deep = draw.uniform(0.5, 1.6), draw.uniform(0.4, 1.5), draw.uniform(0.35, 0.6)
        if draw.chance(0.45):
            at = room.back(x + width / 2, room.back_m - deep / 2)
            color = draw.material((0.25, 0.92))
            boxes = [Box(*at, 0.0, (width, tall, deep), room.yaw_rad, color)]
            if draw.chance(0.5):
                boxes.append(
                    Box(*at, tall, (0.3 * width, 0.3, 0.3 * deep), room.yaw_rad, draw.color((0.1, 0.7), (0.2, 0.9)))
                )
            out.append(solid(boxes, stage.camera))
        x += width + draw.uniform(0.3, 2.0)
    return out


def _draw_screens(draw: Draw, stage: Stage) -> list[Solid]:
    """Furniture between the camera and everybody: it hides parts of people, at times most of one."""
    out = []
    for _ in range(int(draw.rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        z = stage.near_m - draw.uniform(0.5, 0.8)
        x = draw.uniform(-0.95, 0.95) * stage.camera.half_width_m(z)
        color = draw.material((0.2, 0.85))
        tall = draw.uniform(0.35, 0.9)
        box = Box(x, z, 0.0, (draw.uniform(0.3, 1.3), tall, 0.35), draw.uniform(-0.5, 0.5), color)
        out.append(solid([box], stage.camera))
        if draw.chance(0.2):
            pillar = Box(x, z, 0.0, (draw.uniform(0.12, 0.3), 3.5, 0.2), 0.0, shade(color, 1.2))
            out.append(solid([pillar], stage.camera))
    return out


__all__ = ["VIEW_WIDTH", "Scene"]
