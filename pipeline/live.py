"""Live streams: a source that comes, stalls and vanishes becomes clips and gaps that tile the time."""

import random
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from pipeline.backoff import pauses
from pipeline.clip import StartPoint
from pipeline.clock import Clock
from pipeline.cutting import Cutting
from pipeline.drift import Drift
from pipeline.errors import SourceError, SourceTimeout
from pipeline.hooks import Hooks
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap, GapReason, WhoseClock


class LiveSettings(BaseModel):
    """When a live source counts as gone, and how it is tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    watchdog_s: float = Field(default=10.0, gt=0, description="without a picture for so long a source is stuck")
    retry_s: float = Field(default=1.0, gt=0, description="longest wait before the first try to connect again")
    retry_cap_s: float = Field(default=30.0, gt=0, description="longest wait before any try; waits double up to here")
    skew_s: float = Field(default=10.0, ge=0, description="a camera's clock that is further off ours is not believed")


Camera: TypeAlias = Callable[[int], Generator[DecodedFrame]]
"""Connects and yields frames, their epochs numbered from the given one on; raises `SourceError`."""


@dataclass(slots=True)
class _Epoch:
    """One stretch of source time that is being watched, and where it lies on the wall clock."""

    number: int
    source_epoch: int
    whose: WhoseClock
    cutting: Cutting
    drift: Drift


@dataclass(frozen=True, slots=True)
class LiveStream:
    """What to watch.

    Attributes:
        forever: connect again when the source ends or fails, until told to stop.
    """

    stream: str
    spec: ClipSpec
    camera: Camera = field(repr=False)
    forever: bool = True


class LiveReader:
    """Watches one live source; its timeline goes by the wall clock.

    Each connection, and each jump of the source's own time, begins an epoch where the wall clock stands then: the
    camera's clock where it tells one that can be believed, else ours on arrival. Within an epoch media time is led
    along that clock (`Drift`); one that falls `BEHIND_S` behind it is followed by another. Time between two epochs is a
    gap with its reason, which grows every second while the source is away. Timeline time never runs backwards: an epoch
    that would begin before the last one's end begins there.

    Args:
        until_s: timeline seconds up to which the stream was watched before, or None.
        epoch: number of the next epoch.
    """

    GROW_S = 1.0
    BEHIND_S = 2.0

    def __init__(
        self,
        what: LiveStream,
        settings: LiveSettings,
        until_s: float | None,
        epoch: int,
        hooks: Hooks,
        clock: Clock,
    ) -> None:
        self._what = what
        self._settings = settings
        self._until_s = until_s
        self._epoch = epoch
        self._hooks = hooks
        self._clock = clock
        self._chance = random.Random(what.stream)
        self._watched: _Epoch | None = None

    def read(self, absent: GapReason, stop: threading.Event) -> Generator[Clip | Gap]:
        """Yield clips and gaps until `stop` is set.

        Args:
            absent: why nobody watched the stream since `until_s`.

        Raises:
            SourceError: the source failed, where it is not to be tried again.
        """
        begun_s = self._clock.wall_s()
        self._hooks.opened(self._what.stream, None)
        yield from self._lose(absent)
        tries, reason = self._pauses(), absent
        while not stop.is_set():
            fault = yield from self._connection(reason, stop)
            shown = self._watched is not None
            yield from self._end_epoch()
            if stop.is_set() or not self._what.forever:
                if fault is not None:
                    raise fault
                return
            reason = GapReason.STALLED if shown and isinstance(fault, SourceTimeout) else GapReason.CAMERA_DOWN
            tries = self._pauses() if shown else tries
            self._hooks.disconnected(self._what.stream, reason, str(fault or "the source ended"))
            self._until_s = begun_s if self._until_s is None else self._until_s
            yield from self._away(reason, next(tries), stop)

    def _pauses(self) -> Iterator[float]:
        return pauses(self._settings.retry_s, self._settings.retry_cap_s, self._chance)

    def _connection(self, absent: GapReason, stop: threading.Event) -> Generator[Clip | Gap, None, SourceError | None]:
        """Yield what one connection shows; return why it ended, None where the source said so itself."""
        try:
            with closing(self._what.camera(self._epoch)) as frames:
                for frame in frames:
                    if stop.is_set():
                        return None
                    yield from self._shown(frame, absent)
        except SourceError as error:
            return error
        return None

    def _shown(self, frame: DecodedFrame, absent: GapReason) -> Iterator[Clip | Gap]:
        """A frame goes to where it lies on the wall clock."""
        if self._watched is None or frame.epoch != self._watched.source_epoch or self._left_behind(frame):
            yield from self._begin(frame, absent)
        epoch = self._watched
        assert epoch is not None
        place_s = epoch.drift.place(frame.pts_s, self._clock.monotonic_s())
        yield from self._advanced(epoch.cutting.push(replace(frame, epoch=epoch.number, pts_s=place_s, skipped_s=0.0)))

    def _left_behind(self, frame: DecodedFrame) -> bool:
        """Measure where the frame lies; say whether the epoch lags too far for a slow correction."""
        assert self._watched is not None
        drift = self._watched.drift
        told_s = self._told_s(frame)
        if told_s is not None and self._watched.whose == "arrival":
            self._watched.whose = "camera"  # many cameras send their first report some seconds after the first picture
            self._hooks.connected(self._what.stream, "camera")
        if told_s is not None:
            drift.told(frame.pts_s, told_s)
        elif self._watched.whose == "arrival":
            drift.arrived(frame.pts_s, self._clock.wall_s())
        return drift.behind_s > self.BEHIND_S

    def _begin(self, frame: DecodedFrame, absent: GapReason) -> Iterator[Clip | Gap]:
        """An epoch begins with `frame`, where the wall clock stands."""
        first = self._watched is None
        yield from self._end_epoch()
        told_s = self._told_s(frame)
        now_s = self._clock.wall_s() if told_s is None else told_s
        if self._until_s is not None and now_s > self._until_s:
            yield self._gap(now_s, absent if first else self._why(frame, now_s - self._until_s))
        start = StartPoint.at(now_s if self._until_s is None else max(now_s, self._until_s), self._epoch)
        self._watched = _Epoch(
            number=self._epoch,
            source_epoch=frame.epoch,
            whose="arrival" if told_s is None else "camera",
            cutting=Cutting(self._what.stream, self._what.spec, start, self._hooks),
            drift=Drift(start.origin_s, frame.pts_s, self._clock.monotonic_s()),
        )
        self._until_s, self._epoch = start.until_s, self._epoch + 1
        if first:
            self._hooks.connected(self._what.stream, self._watched.whose)

    def _end_epoch(self) -> Iterator[Clip | Gap]:
        """Answer for the rest of the epoch, unless its last picture is lost with the process that decoded it."""
        watched, self._watched = self._watched, None
        if watched is not None:
            with suppress(SourceError):
                yield from self._advanced(watched.cutting.finish())

    def _advanced(self, items: list[Clip | Gap]) -> list[Clip | Gap]:
        if items:
            last = items[-1]
            self._until_s = last.end_s if isinstance(last, Clip) else last.end
        return items

    def _told_s(self, frame: DecodedFrame) -> float | None:
        """When the camera took the frame by its own clock; None where that is unknown or cannot be believed."""
        if frame.wall_s is None or abs(frame.wall_s - self._clock.wall_s()) > self._settings.skew_s:
            return None
        return frame.wall_s

    @staticmethod
    def _why(frame: DecodedFrame, lost_s: float) -> GapReason:
        """A jump of the source's time that the wall clock did not make is its clock's fault."""
        return frame.skip_reason if abs(frame.skipped_s - lost_s) <= 1.0 else GapReason.CLOCK

    def _away(self, reason: GapReason, pause_s: float, stop: threading.Event) -> Iterator[Clip | Gap]:
        """Wait before the next try, and let the gap grow meanwhile."""
        until_s = self._clock.monotonic_s() + pause_s
        yield from self._lose(reason)
        while (left_s := until_s - self._clock.monotonic_s()) > 0 and not stop.is_set():
            self._clock.wait(stop, min(left_s, self.GROW_S))
            yield from self._lose(reason)

    def _lose(self, reason: GapReason) -> Iterator[Gap]:
        """The time until now cannot be seen any more."""
        now_s = self._clock.wall_s()
        if self._until_s is not None and now_s > self._until_s:
            yield self._gap(now_s, reason)

    def _gap(self, end_s: float, reason: GapReason) -> Gap:
        assert self._until_s is not None
        gap = Gap(self._what.stream, self._until_s, end_s, reason)
        self._until_s = end_s
        return gap
