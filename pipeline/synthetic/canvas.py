"""Anti-aliased filling of shapes given in the virtual 640×480 view, on a picture of any size."""

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.camera import VIEW_HEIGHT, VIEW_WIDTH, Floats
from pipeline.synthetic.draw import Color
from pipeline.values import UInt8Array

_SHIFT = 4
SUBPIXELS = 1 << _SHIFT
_ARC = np.linspace(-np.pi / 2, np.pi / 2, 7)
_ARC_COS, _ARC_SIN = np.cos(_ARC)[None, :, None], np.sin(_ARC)[None, :, None]
_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])
_VIEW = np.array([VIEW_WIDTH, VIEW_HEIGHT], dtype=np.float64)

Outline: TypeAlias = NDArray[np.int32]


class Canvas:
    """A picture (H × W × 3 or H × W, uint8) that is drawn on in view pixels; the 4:3 view is stretched to its size."""

    def __init__(self, image: UInt8Array) -> None:
        self.image = image
        self._scale = np.array(image.shape[1::-1]) * SUBPIXELS / _VIEW

    def fixed(self, points: Floats) -> Outline:
        """Turn view points (… × 2) into the fixed-point canvas coordinates that `fill` takes."""
        return (points * self._scale - (SUBPIXELS / 2 - 0.5)).astype(np.int32)

    def fill(self, fixed: Outline, color: Color | float) -> None:
        """Fill one convex polygon (V × 2, from `fixed`)."""
        cv2.fillConvexPoly(self.image, fixed, color, cv2.LINE_AA, _SHIFT)

    def fill_points(self, points: Floats, color: Color | float) -> None:
        """Fill the convex hull of view points (V × 2)."""
        self.fill(hull(self.fixed(points)), color)


def hull(fixed: Outline) -> Outline:
    """Return the convex hull (V × 2) of fixed-point canvas points."""
    return cast(Outline, cv2.convexHull(fixed)[:, 0])


def capsules(start: Floats, end: Floats, start_radius: Floats, end_radius: Floats) -> Floats:
    """Return outlines (K × 14 × 2) of K tapered capsules between points (K × 2) with radii (K), all in view pixels."""
    along = end - start
    length = np.sqrt((along * along).sum(axis=1, keepdims=True))
    along = np.where(length > 1e-9, along / np.maximum(length, 1e-9), np.array([1.0, 0.0]))
    arc = _ARC_COS * along[:, None] + _ARC_SIN * (along @ _QUARTER_TURN)[:, None]
    out = np.empty((len(start), 14, 2))
    out[:, :7] = end[:, None] + end_radius[:, None, None] * arc
    out[:, 7:] = start[:, None] - start_radius[:, None, None] * arc
    return out
