"""The empty place: floor, walls, ceiling or sky, seen by casting one ray through every pixel; lit and furnished."""

from dataclasses import dataclass
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.camera import Camera, Floats
from pipeline.synthetic.decor import decorate, sky
from pipeline.synthetic.draw import Draw
from pipeline.synthetic.stage import Stage
from pipeline.synthetic.texture import (
    INDOOR_FLOORS,
    INDOOR_WALLS,
    OUTDOOR_FLOORS,
    OUTDOOR_HEDGE,
    OUTDOOR_WALLS,
    PPM,
    Picture,
    plain,
)
from pipeline.values import UInt8Array

MASTER_HEIGHT, MASTER_WIDTH = 600, 800
_Real = TypeVar("_Real", Floats, NDArray[np.float32])
_FLOOR_TILE_M = 3.6
# Brightness of the floor, back wall, left wall, right wall, ceiling, and nothing, which face the light differently.
_FACING = np.array([1.0, 0.94, 0.8, 0.86, 0.9, 1.0], np.float32)


@dataclass(frozen=True, slots=True)
class Room:
    """A box around the stage, turned against the camera by `yaw_rad`.

    Attributes:
        left_m, right_m, back_m: where the side walls and the back wall stand, in the room's own turned axes.
        wall_m: height of the walls; the ceiling or the sky begins there.
        outdoor: no ceiling, one fence or wall at the back, open sides.
    """

    yaw_rad: float
    pivot_m: float
    left_m: float
    right_m: float
    back_m: float
    wall_m: float
    outdoor: bool

    def turned(self, points: _Real, about_m: float | None = None) -> _Real:
        """Rotate points (… × 3) from camera axes into the room's axes, about (0, `about_m`), by default the pivot."""
        sin, cos = float(np.sin(self.yaw_rad)), float(np.cos(self.yaw_rad))
        pivot = self.pivot_m if about_m is None else about_m
        out = points.copy()
        x, z = points[..., 0], points[..., 2] - pivot
        out[..., 0] = x * cos - z * sin
        out[..., 2] = x * sin + z * cos + pivot
        return out

    def back(self, x: float, z: float) -> tuple[float, float]:
        """Rotate a floor point of the room's axes into camera axes."""
        sin, cos = np.sin(self.yaw_rad), np.cos(self.yaw_rad)
        z -= self.pivot_m
        return float(x * cos + z * sin), float(-x * sin + z * cos + self.pivot_m)


def draw_room(draw: Draw, stage: Stage) -> Room:
    """Return a room in which everybody on the stage, and on the way in and out, stays clear of the walls."""
    outdoor = draw.chance(0.3)
    yaw = np.radians(draw.uniform(-28, 28))
    pivot = (stage.near_m + stage.far_m) / 2
    room = Room(yaw, pivot, 0, 0, 0, 0, outdoor)
    sides = [(s * (stage.camera.half_width_m(z) + 1.1), 0.0, z) for z in (stage.near_m, stage.far_m) for s in (-1, 1)]
    corners = room.turned(np.array(sides))
    back = float(corners[:, 2].max()) + draw.uniform(0.3, 2.8)
    left, right = (
        float(corners[:, 0].min()) - draw.uniform(0.1, 1.5),
        float(corners[:, 0].max()) + draw.uniform(0.1, 1.5),
    )
    tall = draw.uniform(1.3, 4.0) if outdoor else draw.uniform(2.4, 3.2)
    return Room(
        yaw, pivot, left, right, back, max(tall, stage.camera.height_m + 0.15) if not outdoor else tall, outdoor
    )


def render_backdrop(draw: Draw, room: Room, camera: Camera) -> UInt8Array:
    """Return the empty place (600 × 800 × 3, RGB) without furniture."""
    rays = camera.rays(MASTER_HEIGHT, MASTER_WIDTH).astype(np.float32)
    origin = room.turned(np.array([0.0, camera.height_m, 0.0])).astype(np.float32)
    far = room.turned(rays, about_m=0.0)
    surface, distance = _nearest(room, origin, far)
    hits = origin + far * distance[..., None]
    picture = _sky_or_black(draw, room)
    for index, texture in enumerate(_textures(draw, room)):
        if texture is not None and (mask := surface == index).any():
            seen = _sample(texture, room, index, hits)
            np.copyto(picture, seen, where=mask[..., None])
    picture *= _light(draw, room, hits, surface)[..., None]
    clipped: UInt8Array = np.clip(picture, 0, 255).astype(np.uint8)
    return clipped


def _nearest(
    room: Room, origin: NDArray[np.float32], rays: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which surface each ray meets (in the order of `_FACING`), and how far away."""
    planes = [(1, 0.0), (2, room.back_m), (0, room.left_m), (0, room.right_m), (1, room.wall_m)]
    hit = np.full((6, *rays.shape[:2]), 1e6, np.float32)
    hit[5] = 60.0
    for index, (axis, at) in enumerate(planes):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (at - origin[axis]) / rays[..., axis]
            height = origin[1] + t * rays[..., 1]
        valid = t > 1e-3
        if room.outdoor:
            valid &= (index == 0) | ((index == 1) & (height < room.wall_m))
        hit[index] = np.where(valid, t, 1e6)
    surface = hit.argmin(axis=0)
    return surface, np.take_along_axis(hit, surface[None], axis=0)[0]


def _textures(draw: Draw, room: Room) -> list[Picture | None]:
    tile = (round(_FLOOR_TILE_M * PPM),) * 2
    floor = draw.choice(OUTDOOR_FLOORS if room.outdoor else INDOOR_FLOORS)
    wall, paint = draw.choice(OUTDOOR_WALLS if room.outdoor else INDOOR_WALLS), draw.paint((0.6, 1.0))
    ground = floor(draw, tile, draw.material((0.4, 0.92)))
    tall = round(room.wall_m * PPM)
    depth = room.back_m + 2.0
    back = wall(draw, (tall, round((room.right_m - room.left_m) * PPM)), paint)
    decorated = not room.outdoor or (room.wall_m > 2.4 and wall is not OUTDOOR_HEDGE)
    if decorated:
        decorate(draw, back, room.outdoor)
    if room.outdoor:
        return [ground, back]
    sides = [
        wall(draw, (tall, round(depth * PPM)), (paint[0] * 0.92, paint[1] * 0.92, paint[2] * 0.92)) for _ in range(2)
    ]
    for side in sides:
        decorate(draw, side, room.outdoor)
    ceiling = plain(draw.rng, (256, 256), draw.color((0.0, 0.06), (0.75, 0.98)), 0.01)
    return [ground, back, *sides, ceiling]


def _sample(texture: Picture, room: Room, surface: int, hits: NDArray[np.float32]) -> Picture:
    x, y, z = hits[..., 0], hits[..., 1], hits[..., 2]
    if surface in (0, 4):
        # Grain of the floor far away would flicker against the pixel grid: take it from a softened copy there.
        across, down = _mirrored(x * PPM, texture.shape[1]), _mirrored(z * PPM, texture.shape[0])
        near = cv2.remap(texture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        soft = cv2.remap(cv2.blur(texture, (7, 7)), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        part = np.clip((z - 4.0) / 6.0, 0, 1)[..., None]
        return cast(Picture, near * (1 - part) + soft * part)
    along = {1: x - room.left_m, 2: z + 2.0, 3: room.back_m - z}[surface]
    up = (room.wall_m - y) * PPM
    return cast(Picture, cv2.remap(texture, along * PPM, up, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _mirrored(position: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Walk to and fro over a texture, so that its tiles meet without a seam."""
    return np.abs((position % (2 * size)) - size).astype(np.float32)


def _sky_or_black(draw: Draw, room: Room) -> Picture:
    if room.outdoor:
        return sky(draw, MASTER_HEIGHT, MASTER_WIDTH)
    return np.zeros((MASTER_HEIGHT, MASTER_WIDTH, 3), np.float32)


def _light(draw: Draw, room: Room, hits: NDArray[np.float32], surface: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return brightness per pixel: one lamp or the sun, darker where surfaces meet."""
    lamp = np.array([draw.uniform(-2, 2), room.wall_m + 0.3, draw.uniform(1.5, 5.5)], np.float32)
    distance = ((hits - lamp) ** 2).sum(axis=-1)
    strength = draw.uniform(0.25, 0.75) * (0.35 if room.outdoor else 1.0)
    light = (1 - strength) + 1.4 * strength / (1 + distance / 30)
    x, y, z = hits[..., 0], hits[..., 1], hits[..., 2]
    gaps = [(z - room.back_m, surface != 1), (y, surface != 0)]
    if not room.outdoor:
        gaps += [(x - room.left_m, surface != 2), (x - room.right_m, surface != 3), (y - room.wall_m, surface != 4)]
    for gap, applies in gaps:
        light = np.where(applies, light * (1 - 0.28 * np.exp(-np.abs(gap) / 0.35)), light)
    light = light * _FACING[surface]
    out: NDArray[np.float32] = np.where(surface == 5, 1.0, light).astype(np.float32)
    return out
