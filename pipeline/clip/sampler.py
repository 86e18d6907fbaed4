"""Sample and hold on a grid of media time: the same grid for every frame rate."""

import math
from dataclasses import dataclass

from pipeline.values import DecodedFrame

# Containers round times to 1 µs or a tick of 1/90000 s, and floats lose a little more: a frame that is due must not be
# missed for that. One taken a tenth of a millisecond early, as 30000/1001 sources sometimes offer, looks the same.
TOLERANCE_S = 1e-4


@dataclass(frozen=True, slots=True)
class Sample:
    """The frame that stands for grid point `ordinal` of its epoch; a slow source's frame may stand for several.

    Attributes:
        again: it stood for the grid point before, too.
    """

    ordinal: int
    frame: DecodedFrame
    again: bool = False


class Sampler:
    """Keeps, for grid point k at k/fps seconds of an epoch, the last good frame with `pts_s` ≤ k/fps.

    Grid point k is answered by the first good frame beyond it. Points before the epoch's first good frame take that
    frame. Damaged frames are never kept and do not move the time on.

    Args:
        fps: grid points per second of media time.
        next_ordinal: first grid point wanted; earlier ones are passed over.
    """

    def __init__(self, fps: float, next_ordinal: int = 0) -> None:
        self._fps = fps
        self._next = next_ordinal
        self._held: DecodedFrame | None = None
        self._sampled = False
        self._from_start = False

    @property
    def waiting(self) -> DecodedFrame | None:
        """The newest good frame, as long as it stands for no grid point."""
        return None if self._sampled else self._held

    def push(self, frame: DecodedFrame) -> list[Sample]:
        """Take the epoch's next frame; return the grid points it settles, in order."""
        self._from_start = self._from_start or frame.pts_s == 0
        if frame.corrupt:
            return []
        if self._held is None:
            self._held = frame
            if not self._from_start:
                self._pass_over(frame.pts_s)
        settled = self._settle(self._held, frame.pts_s - TOLERANCE_S)
        if self._held is not frame:
            self._held, self._sampled = frame, False
        return settled

    def finish(self, end_s: float) -> list[Sample]:
        """Return the grid points before `end_s`, where the epoch's last good frame ceases to be shown."""
        if self._held is None:
            return []
        return self._settle(self._held, end_s - TOLERANCE_S)

    def _settle(self, held: DecodedFrame, before_s: float) -> list[Sample]:
        settled = []
        while self._next / self._fps < before_s:
            settled.append(Sample(self._next, held, self._sampled))
            self._sampled = True
            self._next += 1
        return settled

    def _pass_over(self, before_s: float) -> None:
        """After a seek nothing is known of the time before the first frame."""
        self._next = max(self._next, math.floor((before_s - TOLERANCE_S) * self._fps) - 1)  # the frame may be far away
        while self._next / self._fps < before_s - TOLERANCE_S:
            self._next += 1
