"""Media time that can be trusted, from time stamps that cannot."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from pipeline.values import GapReason

FALLBACK_RATE = 25.0
SHORTEST_FRAME_S = 1 / 240  # a shorter declared duration comes from a container that does not know
PERIODS_S = (2**33 / 90_000, 2**32 / 90_000)  # after which the counters of MPEG transport streams and of RTP begin anew


class ClockSettings(BaseModel):
    """What the media clock takes for a hiccup, and what for a hole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_hold_s: float = Field(default=2.0, gt=0, description="longest time one frame may stand for; more is a gap")
    max_backward_s: float = Field(default=1.0, gt=0, description="longest step back that is smoothed over")


@dataclass(frozen=True, slots=True)
class MediaTime:
    """Where one frame lies; the fields are those of `DecodedFrame`."""

    epoch: int
    pts_s: float
    duration_s: float
    skipped_s: float = 0.0
    skip_reason: GapReason = GapReason.UNKNOWN


class MediaClock:
    """Turns raw time stamps, in the decoder's order, into epochs and media seconds that never decrease within one.

    What holds:
        - An epoch begins at its first frame. Missing stamps continue from the last and resynchronise at the next; those
          missing at the very start (RTSP often lacks the first) lie just before the first one that comes.
        - A step back of at most `max_backward_s` (packed B-frames, jitter) repeats the time reached; a longer one
          begins an epoch with nothing skipped.
        - A counter that begins anew where it must (`PERIODS_S`) is counted on; FFmpeg does so only once.
        - A good frame more than the hold limit after the last good one begins an epoch. What is skipped counts from
          the end of that frame: `corrupt` where damaged frames filled the hole, else `stalled`.
        - Damaged frames begin no epoch and cannot carry the time away.

    Args:
        nominal_rate: believable frames per second, or None. The hold limit is `max_hold_s`, or three nominal frames.
        first_pts_s: raw seconds of the epoch's first frame, where decoding begins later than there (a seek).
        epoch: number of the first epoch.
    """

    def __init__(
        self,
        nominal_rate: float | None,
        settings: ClockSettings | None = None,
        *,
        first_pts_s: float | None = None,
        epoch: int = 0,
    ) -> None:
        settings = settings or ClockSettings()
        self._nominal_s = 1 / (nominal_rate or FALLBACK_RATE)
        self.hold_limit_s = max(settings.max_hold_s, 3 * self._nominal_s)
        self._max_backward_s = settings.max_backward_s
        self._epoch = epoch
        self._begun = False
        self._stamped = False  # a frame with a time stamp has come
        self._wrapped_s = 0.0  # what counters that began anew have left out
        self._base_s = first_pts_s  # raw seconds of media time zero
        self._reached_s = 0.0  # media seconds of the newest frame
        self._newest_s = 0.0  # raw seconds of the newest frame, good or damaged
        self._next_s = 0.0  # raw seconds expected of the next frame
        self._good_s = 0.0  # raw seconds of the last good frame
        self._good_end_s = 0.0

    def next(self, pts_s: float | None, duration_s: float | None, corrupt: bool = False) -> MediaTime:
        """Return the media time of the next frame.

        Args:
            pts_s: seconds on the source's own axis, or None.
            duration_s: declared seconds the frame is shown, or None.
            corrupt: the decoder reported damage.
        """
        if pts_s is not None:
            pts_s = self._unwrapped(pts_s)
        raw_s = self._next_s if pts_s is None else pts_s
        if not self._begun:
            self._begin(raw_s)
        elif pts_s is not None and not self._stamped:
            self._shift(pts_s - self._next_s)
        self._stamped = self._stamped or pts_s is not None
        shown_s = self._believable_s(duration_s)
        if corrupt:
            self._damaged(raw_s)
            return MediaTime(self._epoch, self._reached_s, shown_s)
        skipped = self._good(raw_s)
        self._next_s = raw_s + shown_s
        self._good_end_s = max(self._good_end_s, self._next_s)
        return MediaTime(self._epoch, self._reached_s, shown_s, *skipped)

    def lost(self, pts_s: float | None) -> None:
        """Tell that the frame due at `pts_s` could not be decoded at all."""
        if self._begun:
            self._damaged(self._next_s if pts_s is None else self._unwrapped(pts_s))

    def _unwrapped(self, pts_s: float) -> float:
        """A stamp that goes on where the last ones were, but for a period, means just that."""
        here_s = pts_s + self._wrapped_s
        for by_s in (sign * period_s for period_s in PERIODS_S for sign in (1, -1)):
            if self._stamped and abs(here_s + by_s - self._newest_s) <= self.hold_limit_s:
                self._wrapped_s += by_s
                return here_s + by_s
        return here_s

    def _begin(self, raw_s: float) -> None:
        self._begun = True
        self._base_s = raw_s if self._base_s is None else self._base_s
        self._newest_s = self._good_s = self._good_end_s = raw_s

    def _shift(self, by_s: float) -> None:
        """Frames without stamps opened the epoch; the first stamp says where on the source's axis they lie."""
        assert self._base_s is not None
        self._base_s += by_s
        self._newest_s += by_s
        self._next_s += by_s
        self._good_s += by_s
        self._good_end_s += by_s

    def _damaged(self, raw_s: float) -> None:
        if 0 <= raw_s - self._newest_s <= self.hold_limit_s:
            self._reach(raw_s)
            self._next_s = raw_s + self._nominal_s

    def _good(self, raw_s: float) -> tuple[float, GapReason] | tuple[()]:
        step_s = raw_s - self._good_s
        if -self._max_backward_s <= step_s <= self.hold_limit_s:
            self._reach(raw_s)
            self._good_s = max(self._good_s, raw_s)
            return ()
        damage_s = self._newest_s - self._good_s
        filled = damage_s > 0 and raw_s - self._newest_s <= self.hold_limit_s
        skipped_s = max(0.0, raw_s - self._good_end_s) if step_s > 0 else 0.0
        self._epoch += 1
        self._base_s, self._reached_s = raw_s, 0.0
        self._newest_s = self._good_s = self._good_end_s = raw_s
        return skipped_s, GapReason.CORRUPT if filled else GapReason.STALLED

    def _reach(self, raw_s: float) -> None:
        assert self._base_s is not None
        self._newest_s = max(self._newest_s, raw_s)
        self._reached_s = max(self._reached_s, raw_s - self._base_s)

    def _believable_s(self, duration_s: float | None) -> float:
        if duration_s is None or not SHORTEST_FRAME_S <= duration_s <= self.hold_limit_s:
            return self._nominal_s
        return duration_s
