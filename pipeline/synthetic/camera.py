"""The fixed camera: a pinhole that looks along +z and a little down, in a virtual 640×480 picture."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.draw import Draw

Floats: TypeAlias = NDArray[np.float64]
VIEW_WIDTH = 640
VIEW_HEIGHT = 480


@dataclass(frozen=True, slots=True)
class Camera:
    """World axes: x to the right, y up from the floor, z away from the camera, in metres; the camera stands at x=z=0.

    Attributes:
        height_m: height of the lens over the floor.
        pitch_rad: how far it looks down.
        focal_px: focal length in pixels of the 640×480 view.
        roll_rad: how far it hangs askew.
    """

    height_m: float
    pitch_rad: float
    focal_px: float
    roll_rad: float = 0.0

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Map points (… × 3) to view pixels (… × 2) and depths (…); depths below 0.2 m are clamped to it."""
        sin, cos = np.sin(self.pitch_rad), np.cos(self.pitch_rad)
        y = points[..., 1] - self.height_m
        depth = np.maximum(points[..., 2] * cos - y * sin, 0.2)
        right = self.focal_px * points[..., 0] / depth
        down = -self.focal_px * (y * cos + points[..., 2] * sin) / depth
        sin_r, cos_r = np.sin(self.roll_rad), np.cos(self.roll_rad)
        pixels = np.empty((*depth.shape, 2))
        pixels[..., 0] = VIEW_WIDTH / 2 + right * cos_r - down * sin_r
        pixels[..., 1] = VIEW_HEIGHT / 2 + right * sin_r + down * cos_r
        return pixels, depth

    def rays(self, height: int, width: int) -> Floats:
        """Return the direction (height × width × 3) of the ray through every pixel centre."""
        u = (np.arange(width) + 0.5) * VIEW_WIDTH / width - VIEW_WIDTH / 2
        v = (np.arange(height) + 0.5) * VIEW_HEIGHT / height - VIEW_HEIGHT / 2
        u, v = np.meshgrid(u, v)
        sin_r, cos_r = np.sin(self.roll_rad), np.cos(self.roll_rad)
        right, down = (u * cos_r + v * sin_r) / self.focal_px, (v * cos_r - u * sin_r) / self.focal_px
        sin, cos = np.sin(self.pitch_rad), np.cos(self.pitch_rad)
        return np.stack([right, -down * cos - sin, cos - down * sin], axis=-1)

    def half_width_m(self, z_m: float) -> float:
        """Return half of what the picture spans at floor distance `z_m`, at about the height of a person's middle."""
        depth = z_m * np.cos(self.pitch_rad) + (self.height_m - 0.9) * np.sin(self.pitch_rad)
        return float(VIEW_WIDTH / 2 / self.focal_px * depth)


def draw_camera(draw: Draw, middle_m: float) -> Camera:
    """Return a camera of the split's own heights and angles that looks at people who stand about `middle_m` away."""
    height = draw.uniform(1.25, 3.1)
    focal = draw.uniform(480, 620)
    level = np.arctan2(height - 0.85, middle_m)
    return Camera(
        height, float(level + np.radians(draw.uniform(-2.5, 3.5))), focal, np.radians(draw.uniform(-1.5, 1.5))
    )
