"""The motion that an H.264 encoder noted, as a dense field.

The decoder tells of each predicted block where it lies, its displacement and whether that leads into the past or the
future, but not to which frame. Taken is the nearest frame there, in the order of display, that is no B-frame: right for
what most cameras send (one reference, no B-frames), too short where B-frames predict each other, too long where an
older frame was referred to. Motion up to a reference counts as steady. What was coded without reference stands still.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Float16Array

CODECS = frozenset({"h264"})
CELL = 8  # pixels of the smallest blocks a decoder tells of; the largest are two by two of these
_DOWN, _RIGHT = np.array([0, 0, 1, 1]).reshape(4, 1), np.array([0, 1, 0, 1]).reshape(4, 1)
Blocks: TypeAlias = NDArray[Any]
"""FFmpeg's AVMotionVector, a record per block."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Which share of a displacement belongs to the last frame interval, 1 where that is not known.

    Attributes:
        past, future: of displacements against the reference before, and behind, the frame.
    """

    past: float = 1.0
    future: float = 1.0


class References:
    """Keeps where the frames lie in time that others are predicted from.

    The order of the packets tells them: B-frames are sent after a frame that is shown later.
    """

    KEPT = 64  # a decoder of many threads is some packets ahead of what it shows

    def __init__(self) -> None:
        self._stamps: deque[int] = deque(maxlen=self.KEPT)
        self._shown: int | None = None

    def sent(self, stamp: int | None, key: bool) -> None:
        """Take the time stamp of the next packet."""
        if stamp is None:
            return
        if key and self._stamps and stamp < self._stamps[-1]:
            self._stamps.clear()  # time has begun anew
        if not self._stamps or stamp > self._stamps[-1]:
            self._stamps.append(stamp)

    def shown(self, stamp: int | None) -> Shares:
        """Take the time stamp of the next frame; return what belongs to the interval that it ends."""
        before, self._shown = self._shown, stamp
        if stamp is None or before is None or before >= stamp:
            return Shares()
        past = max((one for one in self._stamps if one < stamp), default=before)
        future = min((one for one in self._stamps if one > stamp), default=2 * stamp - before)
        return Shares((stamp - before) / (stamp - past), (stamp - before) / (future - stamp))


def field_of(blocks: Blocks, coded: tuple[int, int], shares: Shares, height: int, width: int) -> Float16Array:
    """Return the motion since the frame before as 2×height×width, (x, y) pixels of that size.

    Args:
        coded: height and width of the frame.
    """
    to_size = np.array([width / coded[1], height / coded[0]]).reshape(2, 1, 1)
    most = max(height, width)
    cells = np.clip(_cells(blocks, coded, shares) * to_size, -most, most).astype(np.float16)
    rows = _places(coded[0], height, cells.shape[1])
    columns = _places(coded[1], width, cells.shape[2])
    field: Float16Array = cells.take(rows, axis=1).take(columns, axis=2)
    return field


def turned(motion: Float16Array, turns: int) -> Float16Array:
    """Return the field of a picture turned by 90° counterclockwise, `turns` times."""
    for _ in range(turns):
        motion = np.stack([motion[1], -motion[0]])
    return np.ascontiguousarray(np.rot90(motion, turns, axes=(1, 2)))


def _cells(blocks: Blocks, coded: tuple[int, int], shares: Shares) -> NDArray[np.float64]:
    """2×rows×columns, (x, y) pixels as coded; a cell that several displacements cover moves by their mean."""
    rows, columns = (-(-side // CELL) for side in coded)
    share = np.where(blocks["source"] < 0, -shares.past, shares.future) / np.maximum(blocks["motion_scale"], 1)
    high, wide = blocks["h"], blocks["w"]
    row = np.clip((blocks["dst_y"] - high // 2) // CELL + _DOWN, -1, rows) + 1
    column = np.clip((blocks["dst_x"] - wide // 2) // CELL + _RIGHT, -1, columns) + 1
    covered = (high > _DOWN * CELL) & (wide > _RIGHT * CELL)
    place = np.where(covered, row * (columns + 2) + column, 0).ravel()  # a rim of one cell takes what lies outside
    cells = (rows + 2) * (columns + 2)
    moves = [np.bincount(place, np.tile(blocks[f"motion_{axis}"] * share, 4), cells) for axis in "xy"]
    mean: NDArray[np.float64] = np.stack(moves) / np.maximum(np.bincount(place, minlength=cells), 1)
    return mean.reshape(2, rows + 2, columns + 2)[:, 1:-1, 1:-1]


def _places(coded: int, wanted: int, cells: int) -> NDArray[np.int64]:
    """The cell in which each wanted place of a side lies."""
    at = ((np.arange(wanted) + 0.5) * coded / wanted).astype(np.int64) // CELL
    return np.minimum(at, cells - 1)
