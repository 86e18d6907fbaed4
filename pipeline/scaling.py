"""A picture scaled, and its middle cut out, as `Scaling` says."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pipeline.errors import SourceUnreadable
from pipeline.values import Float32Array, Scaling, UInt8Array

Whole: TypeAlias = Callable[[int, int], UInt8Array]
"""Gives the whole view at a height and width, H×W×3."""

LONGEST = 64  # times the shorter side; a longer picture, its shape kept, would take any amount of memory


def viewed(whole: Whole, size: tuple[int, int], height: int, width: int, scaling: Scaling | None) -> UInt8Array:
    """Return what is to be seen of a picture: height×width×3 uint8, contiguous.

    Args:
        size: height and width as it was filmed.

    Raises:
        SourceUnreadable: a picture whose shape is to be kept is too long and thin.
    """
    if scaling is None:
        return whole(height, width)
    scaled = scaled_size(size, scaling)
    rows, columns = _middle(scaled[0], height), _middle(scaled[1], width)
    out = np.zeros((height, width, 3), np.uint8)
    if scaling.exact:
        out[rows[1], columns[1]] = bilinear(whole(*size), scaled, rows[0], columns[0])
    else:
        out[rows[1], columns[1]] = whole(*scaled)[rows[0], columns[0]]
    return out


def scaled_size(size: tuple[int, int], scaling: Scaling) -> tuple[int, int]:
    """Return the height and width a picture is scaled to, as torchvision's `resize` computes it.

    Raises:
        SourceUnreadable: as for `viewed`.
    """
    if scaling.width is not None:
        return scaling.height, scaling.width
    shorter, longer = sorted(size)
    if longer > LONGEST * shorter:
        raise SourceUnreadable(f"a picture of {size[1]}×{size[0]} pixels is too long and thin to keep its shape")
    long = int(scaling.height * longer / shorter)
    return (scaling.height, long) if size[0] <= size[1] else (long, scaling.height)


def _middle(length: int, wanted: int) -> tuple[slice, slice]:
    """Which part of a side is seen, and where it lies in what is wanted, as torchvision's `center_crop` rounds."""
    if wanted > length:
        begin = (wanted - length) // 2
        return slice(length), slice(begin, begin + length)
    begin = round((length - wanted) / 2)
    return slice(begin, begin + wanted), slice(wanted)


def bilinear(picture: UInt8Array, size: tuple[int, int], rows: slice, columns: slice) -> UInt8Array:
    """Return some rows and columns of `picture` scaled to `size`, as torchvision's `resize` without antialias gives.

    The sums are those of PyTorch's vectorised kernel, in its order, with its fused multiply-adds: what it gives on a
    processor that has such is met to the bit. Elsewhere one value in 60,000 differs by 1, where rounding is a toss-up.
    """
    top, bottom, *down = (one[rows] for one in _taps(picture.shape[0], size[0]))
    left, right, *across = (one[columns] for one in _taps(picture.shape[1], size[1]))
    weights = [(one[:, None] * other)[..., None] for one in down for other in across]
    corners = [picture[one][:, other].astype(np.float32) for one in (top, bottom) for other in (left, right)]
    out = _fused(corners[0], weights[0], corners[1] * weights[1])
    out = _fused(corners[2], weights[2], out)
    out = _fused(corners[3], weights[3], out)
    return np.rint(out).astype(np.uint8)


def _taps(length: int, wanted: int) -> tuple[np.ndarray, np.ndarray, Float32Array, Float32Array]:
    """Of each wanted place on a side: the two places it lies between, and the weight of each."""
    scale = np.float64(np.float32(length) / np.float32(wanted))
    at = np.maximum((scale * (np.arange(wanted) + 0.5) - 0.5).astype(np.float32), 0)
    before = np.minimum(at.astype(np.int64), length - 1)
    weight = np.clip(at - before.astype(np.float32), 0, 1)
    return before, np.minimum(before + 1, length - 1), 1 - weight, weight


def _fused(a: Float32Array, b: Float32Array, c: Float32Array) -> Float32Array:
    """Return a·b + c, rounded once."""
    return (a.astype(np.float64) * b + c).astype(np.float32)
