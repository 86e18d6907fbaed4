"""The unchanging part of a scene: camera, room, seats, furniture, and the light."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from pipeline.synthetic.backdrop import Room, draw_room
from pipeline.synthetic.camera import Camera, Floats, draw_camera
from pipeline.synthetic.draw import Draw, shade
from pipeline.synthetic.look import Look, draw_look
from pipeline.synthetic.solid import Box, Solid, seat_boxes, solid
from pipeline.synthetic.stage import Stage, draw_stage

_NEAREST_M, _FARTHEST_M = 0.9, 1.3


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a scene takes place.

    Attributes:
        seats, furniture, screens: what stands among the people, behind them all, and before them all.
        shadow: floor metres that a point's shadow moves (x, z) per metre of its height.
    """

    camera: Camera
    stage: Stage
    room: Room
    look: Look
    shadow: Floats
    seats: tuple[Solid, ...]
    furniture: tuple[Solid, ...]
    screens: tuple[Solid, ...]

    def screen_outlines(self) -> list[Floats]:
        """Return convex outlines (V × 2, view pixels) of the furniture before everybody."""
        return [_outline(one) for one in self.screens]


def draw_setting(draw: Draw, seed: int, people: int) -> Setting:
    """Return a setting of the split's own style, with seats for `people`."""
    middle_m = draw.uniform(3.3, 4.6)
    camera = draw_camera(draw, middle_m)
    seats = int(draw.rng.integers(1, 3)) + (people > 1)
    stage = draw_stage(draw, camera, middle_m - _NEAREST_M, middle_m + _FARTHEST_M, seats)
    room = draw_room(draw, stage)
    return Setting(
        camera=camera,
        stage=stage,
        room=room,
        look=draw_look(draw, seed),
        shadow=np.array([draw.uniform(-0.6, 0.6), draw.uniform(-0.3, 0.45)]),
        seats=tuple(solid(seat_boxes(seat, draw.material((0.2, 0.9))), camera) for seat in stage.seats),
        furniture=tuple(_draw_furniture(draw, room, camera)),
        screens=tuple(_draw_screens(draw, stage)),
    )


def _outline(one: Solid) -> Floats:
    corners = np.concatenate([face for face, _ in one.faces]).astype(np.float32)
    return cast(Floats, cv2.convexHull(corners)[:, 0].astype(np.float64))


def _draw_furniture(draw: Draw, room: Room, camera: Camera) -> list[Solid]:
    """Return cupboards, tables or planters along the back wall, some with a thing on top."""
    out = []
    x = room.left_m + 0.5
    while x < room.right_m - 0.8:
        width, tall, deep = draw.uniform(0.5, 1.6), draw.uniform(0.4, 1.5), draw.uniform(0.35, 0.6)
        if draw.chance(0.45):
            at = room.back(x + width / 2, room.back_m - deep / 2)
            boxes = [Box(*at, 0.0, (width, tall, deep), room.yaw_rad, draw.material((0.25, 0.92)))]
            if draw.chance(0.5):
                top = draw.color((0.1, 0.7), (0.2, 0.9))
                boxes.append(Box(*at, tall, (0.3 * width, 0.3, 0.3 * deep), room.yaw_rad, top))
            out.append(solid(boxes, camera))
        x += width + draw.uniform(0.3, 2.0)
    return sorted(out, key=lambda one: -one.depth_m)


def _draw_screens(draw: Draw, stage: Stage) -> list[Solid]:
    """Return furniture between the camera and everybody: it hides parts of people, at times most of one."""
    out = []
    for _ in range(int(draw.rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        z = stage.near_m - draw.uniform(0.5, 0.8)
        x = draw.uniform(-0.95, 0.95) * stage.camera.half_width_m(z)
        color = draw.material((0.2, 0.85))
        size = (draw.uniform(0.3, 1.3), draw.uniform(0.35, 0.9), 0.35)
        out.append(solid([Box(x, z, 0.0, size, draw.uniform(-0.5, 0.5), color)], stage.camera))
        if draw.chance(0.2):
            pillar = Box(x, z, 0.0, (draw.uniform(0.12, 0.3), 3.5, 0.2), 0.0, shade(color, 1.2))
            out.append(solid([pillar], stage.camera))
    return out
