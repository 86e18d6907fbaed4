"""Anti-aliased filling of shapes given in the virtual 640×480 view, on a picture of any size."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.camera import VIEW_HEIGHT, VIEW_WIDTH, Floats
from pipeline.synthetic.draw import Color
from pipeline.values import UInt8Array

_SHIFT = 4
_ARC = np.linspace(-np.pi / 2, np.pi / 2, 7)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture (H × W × 3 or H × W, uint8) that is drawn on in view pixels; the 4:3 view is stretched to its size."""

    image: UInt8Array

    @property
    def scale(self) -> Floats:
        """Canvas pixels per view pixel, across and down."""
        return np.array([self.image.shape[1] / VIEW_WIDTH, self.image.shape[0] / VIEW_HEIGHT])

    def fixed(self, points: Floats) -> NDArray[np.int32]:
        """Turn view points (… × 2) into the fixed-point canvas coordinates that `fill` takes."""
        pixels = np.clip(points * self.scale - 0.5, -8000.0, 8000.0)
        return np.rint(pixels * (1 << _SHIFT)).astype(np.int32)

    def fill(self, fixed: NDArray[np.int32], color: Color | float) -> None:
        """Fill one convex polygon (V × 2, from `fixed`)."""
        cv2.fillConvexPoly(self.image, fixed, color, cv2.LINE_AA, _SHIFT)

    def fill_points(self, points: Floats, color: Color | float) -> None:
        """Fill the convex hull of view points (V × 2)."""
        self.fill(hull(self.fixed(points)), color)

    def fill_ring(self, points: Floats, color: Color | float) -> None:
        """Fill any polygon of view points (V × 2), convex or not."""
        cv2.fillPoly(self.image, [self.fixed(points)], color, cv2.LINE_AA, _SHIFT)


def hull(fixed: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the convex hull (V × 2) of fixed-point canvas points."""
    outline: NDArray[np.int32] = cv2.convexHull(fixed)[:, 0]
    return outline


def capsules(start: Floats, end: Floats, start_radius: Floats, end_radius: Floats) -> Floats:
    """Return outlines (K × 14 × 2) of K tapered capsules between points (K × 2) with radii (K), all in view pixels."""
    along = end - start
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None] + _ARC
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    far = end[:, None] + end_radius[:, None, None] * arc
    near = start[:, None] - start_radius[:, None, None] * arc
    return np.concatenate([far, near], axis=1)


def circles(centers: Floats, radii: Floats) -> Floats:
    """Return outlines (K × 14 × 2) of K circles."""
    return capsules(centers, centers, radii, radii)
