"""Clocks that run a little fast or slow: media time is led along the wall clock, too slowly for anybody to see."""

import math


class Drift:
    """Places the media times of one epoch on its timeline: seconds since the epoch's beginning.

    A camera's quartz is off by some 10⁻⁴, seconds a day. With each frame the distance between wall clock and media time
    is measured, and the places follow it, by at most `RATE` of the media time that goes by.

    What holds:
        - Places never decrease, and the first is 0.
        - No place is more than `AHEAD_S` beyond the time that has really passed: the pictures of a source that plays
          faster than time end up on top of each other.
        - Where the wall clock is `behind_s` or more away in the other direction no slow correction helps; the caller
          begins a new epoch.

    Args:
        origin_s: unix seconds at which the first frame stands on the timeline.
        pts_s: that frame's media seconds.
        monotonic_s: when it came.
    """

    RATE = 0.05
    AHEAD_S = 10.0
    WINDOW_S = 30.0

    def __init__(self, origin_s: float, pts_s: float, monotonic_s: float) -> None:
        self._origin_s = origin_s
        self._first_pts_s = self._last_pts_s = self._bucket_pts_s = pts_s
        self._begun_s = monotonic_s
        self._placed_s = 0.0
        self._correction_s = 0.0
        self._target_s = 0.0
        self._least_s = [math.inf, math.inf]  # distances of the last whole window, and of the present one

    def told(self, pts_s: float, wall_s: float) -> None:
        """The camera says at what time it took the frame."""
        self._target_s = self._distance_s(pts_s, wall_s)

    def arrived(self, pts_s: float, wall_s: float) -> None:
        """The frame came at this time, after some delay: what counts is the least delay of the last windows."""
        if pts_s - self._bucket_pts_s >= self.WINDOW_S:
            self._bucket_pts_s = pts_s
            self._least_s = [self._least_s[1], math.inf]
        self._least_s[1] = min(self._least_s[1], self._distance_s(pts_s, wall_s))
        self._target_s = min(self._least_s)

    @property
    def behind_s(self) -> float:
        """How far the places lag behind the wall clock; negative where they are ahead."""
        return self._target_s - self._correction_s

    def place(self, pts_s: float, monotonic_s: float) -> float:
        """Return the place of the next frame; `pts_s` never decreases."""
        most_s = self.RATE * max(0.0, pts_s - self._last_pts_s)
        self._last_pts_s = pts_s
        self._correction_s += max(-most_s, min(most_s, self.behind_s))
        media_s = pts_s - self._first_pts_s
        ceiling_s = monotonic_s - self._begun_s + self.AHEAD_S
        self._correction_s = min(self._correction_s, ceiling_s - media_s)
        self._placed_s = max(self._placed_s, media_s + self._correction_s)
        return self._placed_s

    def _distance_s(self, pts_s: float, wall_s: float) -> float:
        return wall_s - self._origin_s - (pts_s - self._first_pts_s)
