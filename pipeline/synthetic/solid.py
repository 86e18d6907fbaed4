"""Furniture, bags and other things made of boxes, projected once and drawn as flat faces."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.bag import Bag
from pipeline.synthetic.camera import Camera, Floats
from pipeline.synthetic.canvas import Canvas
from pipeline.synthetic.draw import Color, shade
from pipeline.synthetic.stage import Seat

_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0.0, 1.0) for z in (-0.5, 0.5)])
# Faces as corner numbers in ring order, with outward normals.
_FACES = (
    ((0, 1, 3, 2), (-1.0, 0.0, 0.0)),
    ((4, 5, 7, 6), (1.0, 0.0, 0.0)),
    ((2, 3, 7, 6), (0.0, 1.0, 0.0)),
    ((0, 2, 6, 4), (0.0, 0.0, -1.0)),
    ((1, 3, 7, 5), (0.0, 0.0, 1.0)),
)
_LIGHT = np.array([-0.45, 0.75, -0.5])
_BAG_DEEP = {"handbag": 0.45, "suitcase": 0.5, "box": 0.9}
_BAG_TALL = {"handbag": 0.8, "suitcase": 1.35, "box": 0.8}
_GRIP_M = 0.1
_BAG_HEADING_RAD = 0.4


@dataclass(frozen=True, slots=True)
class Box:
    """A box that stands `bottom_m` over the floor at (x, z), turned by `heading`; sizes are across, up and along."""

    x: float
    z: float
    bottom_m: float
    size: tuple[float, float, float]
    heading: float
    color: Color

    def faces(self, camera: Camera) -> list[tuple[Floats, Color]]:
        """Return the outlines (4 × 2, view pixels) and colours of the faces that look at the camera."""
        sin, cos = np.sin(self.heading), np.cos(self.heading)
        turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
        corners = (_CORNERS * self.size) @ turn + (self.x, self.bottom_m, self.z)
        points, _ = camera.project(corners)
        out = []
        for ring, normal in _FACES:
            outward = np.array(normal) @ turn
            middle = corners[list(ring)].mean(axis=0)
            if float(outward @ (np.array([0, camera.height_m, 0]) - middle)) > 0:
                out.append((points[list(ring)], shade(self.color, 0.72 + 0.3 * float(outward @ _LIGHT))))
        return out


@dataclass(frozen=True, slots=True)
class Solid:
    """Boxes drawn together, at one depth among the people; far boxes come first."""

    depth_m: float
    faces: tuple[tuple[Floats, Color], ...]

    def draw(self, canvas: Canvas) -> None:
        """Paint the faces."""
        for outline, color in self.faces:
            canvas.fill_points(outline, color)


def solid(boxes: list[Box], camera: Camera) -> Solid:
    """Project boxes and order them from far to near."""
    ordered = sorted(boxes, key=lambda box: (-box.z, box.bottom_m))
    faces = [face for box in ordered for face in box.faces(camera)]
    return Solid(float(np.mean([box.z for box in boxes])), tuple(faces))


def part(seat: Seat, across: float, along: float, bottom: float, size: tuple[float, float, float], color: Color) -> Box:
    """Return a box placed relative to a seat's middle and heading."""
    sin, cos = np.sin(seat.heading), np.cos(seat.heading)
    x, z = seat.x + across * cos + along * sin, seat.z - across * sin + along * cos
    return Box(float(x), float(z), bottom, size, seat.heading, color)


def seat_boxes(seat: Seat, color: Color) -> list[Box]:
    """Return the boxes of a chair, stool, armchair or bench whose seat is 0.45 m high."""
    dark = shade(color, 0.7)
    if seat.kind == "armchair":
        arms = [part(seat, side * 0.36, 0.0, 0.0, (0.14, 0.6, 0.7), dark) for side in (-1, 1)]
        return [part(seat, 0, 0, 0, (0.6, 0.43, 0.66), color), part(seat, 0, -0.34, 0, (0.84, 0.9, 0.16), color), *arms]
    width = {"bench": 1.25, "stool": 0.38}.get(seat.kind, 0.44)
    feet = [(a, b) for a in (-width / 2 + 0.03, width / 2 - 0.03) for b in (-0.18, 0.18)]
    boxes = [part(seat, a, b, 0.0, (0.045, 0.41, 0.045), dark) for a, b in feet]
    boxes.append(part(seat, 0, 0, 0.41, (width, 0.05, 0.42), color))
    if seat.kind == "chair":
        boxes.append(part(seat, 0, -0.2, 0.55, (width, 0.38, 0.04), color))
        boxes += [part(seat, side * (width / 2 - 0.03), -0.2, 0.44, (0.04, 0.2, 0.04), dark) for side in (-1, 1)]
    return boxes


def bag_height_m(bag: Bag) -> float:
    """Return how high a bag is with its grip."""
    return _BAG_TALL[bag.shape] * bag.size_m + _GRIP_M


def bag_boxes(bag: Bag, x: float, z: float, bottom_m: float) -> list[Box]:
    """Return the boxes of a bag that hangs or stands with its bottom at `bottom_m`."""
    deep, tall = _BAG_DEEP[bag.shape] * bag.size_m, _BAG_TALL[bag.shape] * bag.size_m
    body = Box(x, z, bottom_m, (deep, tall, 1.1 * bag.size_m), _BAG_HEADING_RAD, bag.color)
    grip_size = (0.03, _GRIP_M, 0.35 * bag.size_m)
    grip = Box(x, z, bottom_m + tall, grip_size, _BAG_HEADING_RAD, shade(bag.color, 0.5))
    return [body] if bag.shape == "box" else [body, grip]
