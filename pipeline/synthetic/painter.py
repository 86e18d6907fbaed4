"""Painting a moment of a scene: the empty place, shadows, people and things from far to near, screens, the sensor."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.backdrop import render_backdrop
from pipeline.synthetic.bag import Bag
from pipeline.synthetic.body import Joint
from pipeline.synthetic.camera import Floats
from pipeline.synthetic.canvas import SUBPIXELS, Canvas
from pipeline.synthetic.draw import Draw
from pipeline.synthetic.figure import draw_figure, figure_outlines
from pipeline.synthetic.script import Script
from pipeline.synthetic.setting import Setting
from pipeline.synthetic.solid import Solid, bag_boxes, bag_height_m, solid
from pipeline.synthetic.spec import FPS
from pipeline.values import UInt8Array

# Small pictures are drawn larger and scaled down, as a camera's own scaler would.
_CANVAS_WIDTH = 320
_SHADOW_DARKNESS = 0.42
# People are drawn after what stands at their own depth: a sitter after the chair, a carrier before the bag.
_PERSON_NEARER_M, _BAG_NEARER_M = 0.25, 0.3

_Drawable: TypeAlias = tuple[float, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class _Layers:
    """What one picture size needs in every frame."""

    background: UInt8Array
    screens: UInt8Array
    screen_mask: UInt8Array | None
    vignette: UInt8Array
    noise: NDArray[np.int16]


class Painter:
    """Renders any moment of a script in its setting; keeps the layers of each size asked for."""

    def __init__(self, setting: Setting, script: Script, backdrop_draw: Draw) -> None:
        self._setting = setting
        self._script = script
        self._draw = backdrop_draw
        self._light = np.array(setting.look.light_px)
        self._layers: dict[tuple[int, int], _Layers] = {}

    def render(self, t_s: float, height: int, width: int) -> UInt8Array:
        """Return the picture at scene second `t_s`: height × width × 3 uint8, RGB."""
        layers = self._layers_of(height, width)
        canvas = Canvas(layers.background.copy())
        self._draw_moment(canvas, t_s)
        if layers.screen_mask is not None:
            cv2.copyTo(layers.screens, layers.screen_mask, canvas.image)
        picture = canvas.image
        if picture.shape[:2] != (height, width):
            picture = cast(UInt8Array, cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
        return self._setting.look.apply(picture, layers.vignette, layers.noise, round(t_s * FPS), t_s)

    def _draw_moment(self, canvas: Canvas, t_s: float) -> None:
        now = np.array([t_s])
        visits = enumerate(self._script.visits)
        joints = {index: visit.joints(now)[0] for index, visit in visits if visit.start_s <= t_s < visit.end_s}
        for index, points in joints.items():
            self._draw_shadow(canvas, index, points)
        drawables: list[_Drawable] = [(one.depth_m, partial(one.draw, canvas)) for one in self._setting.seats]
        drawables += [self._figure(canvas, index, points) for index, points in joints.items()]
        drawables += self._bags(canvas, joints, t_s)
        for _, draw in sorted(drawables, key=lambda one: -one[0]):
            draw()

    def _figure(self, canvas: Canvas, index: int, joints: Floats) -> _Drawable:
        person = self._script.visits[index].person
        draw = partial(draw_figure, canvas, self._setting.camera, person, joints, self._light)
        return float(joints[Joint.PELVIS, 2]) - _PERSON_NEARER_M, draw

    def _bags(self, canvas: Canvas, joints: dict[int, Floats], t_s: float) -> list[_Drawable]:
        solids = (self._bag(bag, joints, t_s) for bag in self._script.bags)
        return [(one.depth_m - _BAG_NEARER_M, partial(one.draw, canvas)) for one in solids if one is not None]

    def _bag(self, bag: Bag, joints: dict[int, Floats], t_s: float) -> Solid | None:
        rest, carrier = bag.rest_at(t_s), bag.carrier_at(t_s)
        if rest is not None:
            x, z, bottom = rest.x, rest.z, 0.0
        elif carrier is not None and carrier in joints:
            x, hand_y, z = (float(value) for value in joints[carrier][Joint.HAND_R])
            bottom = max(0.0, hand_y - bag_height_m(bag))
        else:
            return None
        return solid(bag_boxes(bag, x, z, bottom), self._setting.camera)

    def _draw_shadow(self, canvas: Canvas, index: int, joints: Floats) -> None:
        flat = joints.copy()
        flat[:, [0, 2]] += joints[:, 1:2] * self._setting.shadow
        flat[:, 1] = 0.01
        outlines = figure_outlines(canvas, self._setting.camera, self._script.visits[index].person, flat)
        every = np.concatenate(outlines) // SUBPIXELS
        height, width = canvas.image.shape[:2]
        margin = max(3, width // 60)
        low = np.maximum(every.min(axis=0) - margin, 0)
        high = np.minimum(every.max(axis=0) + margin + 1, (width, height))
        if (high <= low).any():
            return
        mask = Canvas(np.full((high[1] - low[1], high[0] - low[0]), 255, np.uint8))
        for outline in outlines:
            mask.fill(outline - low * SUBPIXELS, 255 * (1 - _SHADOW_DARKNESS))
        blur = 2 * (width // 130) + 1
        soft = cv2.cvtColor(cv2.blur(mask.image, (blur, blur)), cv2.COLOR_GRAY2BGR)
        region = canvas.image[low[1] : high[1], low[0] : high[0]]
        region[:] = cv2.multiply(region, soft, scale=1 / 255)

    def _layers_of(self, height: int, width: int) -> _Layers:
        if (height, width) not in self._layers:
            self._layers[height, width] = self._make_layers(height, width)
        return self._layers[height, width]

    def _make_layers(self, height: int, width: int) -> _Layers:
        factor = -(-_CANVAS_WIDTH // width)
        size = (width * factor, height * factor)
        empty = cast(UInt8Array, cv2.resize(self._backdrop, size, interpolation=cv2.INTER_AREA))
        screens, mask = empty.copy(), Canvas(np.zeros(size[::-1], np.uint8))
        for one in self._setting.screens:
            one.draw(Canvas(screens))
        for outline in self._setting.screen_outlines():
            mask.fill_points(outline, 255.0)
        solid_mask = cast(UInt8Array, cv2.threshold(mask.image, 127, 255, cv2.THRESH_BINARY)[1])
        vignette, noise = self._setting.look.vignette_map(height, width), self._setting.look.noise_field(height, width)
        return _Layers(empty, screens, solid_mask if self._setting.screens else None, vignette, noise)

    @cached_property
    def _backdrop(self) -> UInt8Array:
        picture = render_backdrop(self._draw, self._setting.room, self._setting.camera)
        for one in self._setting.furniture:
            one.draw(Canvas(picture))
        return picture
