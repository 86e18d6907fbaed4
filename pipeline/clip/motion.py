"""The motion between an epoch's native frames, as far back as a clip wants it."""

from collections import deque
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Float16Array, MotionSpec, Picture

Kept: TypeAlias = NDArray[Any]


class MotionMethod(Protocol):
    """Finds motion; `pipeline.motion` has some."""

    def seen(self, picture: Picture) -> Kept:
        """Return what has to be kept of a frame."""

    def between(self, before: Kept, after: Kept) -> Float16Array:
        """Return the displacements from one kept frame to the next, 2×h×w (x, y) pixels of that size."""


class MotionTrack:
    """Keeps what the newest clip needs of the native frames; motion is found when a clip wants it, once for each pair.

    Attributes:
        newest: number of the newest frame that a grid point shows, from 0; −1 before the first.
    """

    def __init__(self, spec: MotionSpec, method: MotionMethod) -> None:
        self._spec = spec
        self._method = method
        self._frames: deque[Kept] = deque(maxlen=spec.pairs + 1)
        self._fields: deque[Float16Array | None] = deque(maxlen=spec.pairs)  # of each frame but the first to the next
        self._passed: deque[Kept] = deque(maxlen=spec.pairs)  # since the newest
        self._next = 0
        self.newest = -1

    def passed(self, picture: Picture) -> None:
        """Take a frame that no grid point shows; before the first one that does it is of no use."""
        if self._frames:
            self._passed.append(self._method.seen(picture))
            self._next += 1

    def shown(self, picture: Picture) -> None:
        """Take a frame that a grid point shows."""
        for kept in (*self._passed, self._method.seen(picture)):
            if self._frames:
                self._fields.append(None)
            self._frames.append(kept)
        self._passed.clear()
        self.newest = self._next
        self._next += 1

    def since(self, first: int) -> Float16Array:
        """Return the motion L×2×h×w up to the newest frame, zeros before frame number `first`."""
        spec = self._spec
        out = np.zeros((spec.pairs, 2, spec.height, spec.width), np.float16)
        pairs = min(spec.pairs, self.newest - first)
        for back in range(1, pairs + 1):
            out[-back] = self._field(-back)
        return out

    def _field(self, place: int) -> Float16Array:
        field = self._fields[place]
        if field is None:
            field = self._fields[place] = self._method.between(self._frames[place - 1], self._frames[place])
        return field
