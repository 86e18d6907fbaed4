"""Where a person is during one span: on a spot, or on the way along a smooth path over the floor."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.synthetic.camera import Floats
from pipeline.synthetic.motion import smooth, travelled_m

_TURN_S = 0.6


class Place(Protocol):
    """A place on the floor for every moment of a span."""

    def places(self, t_s: Floats, duration_s: float) -> Floats:
        """Return x, z and heading (N × 3; metres, radians, 0 looks away from the camera) at `t_s` (N) seconds."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Stays where it is."""

    x: float
    z: float
    heading: float

    def places(self, t_s: Floats, duration_s: float) -> Floats:
        return np.repeat(np.array([[self.x, self.z, self.heading]]), len(t_s), axis=0)


@dataclass(frozen=True, slots=True)
class Route:
    """Follows `points` (N × 2), evenly but for setting off and stopping, and turns to `final_heading` at the end."""

    points: Floats
    distance_m: Floats
    final_heading: float | None = None

    @property
    def length_m(self) -> float:
        """Length of the whole path."""
        return float(self.distance_m[-1])

    def places(self, t_s: Floats, duration_s: float) -> Floats:
        s = travelled_m(t_s, duration_s, self.length_m)
        here = self._at(s)
        ahead = self._at(np.minimum(s + 0.25, self.length_m)) - self._at(np.maximum(s - 0.25, 0.0))
        heading = np.arctan2(ahead[:, 0], ahead[:, 1])
        if self.final_heading is not None:
            part = smooth((t_s - (duration_s - _TURN_S)) / _TURN_S)
            heading = heading + part * angle_between(heading, np.full_like(heading, self.final_heading))
        return np.column_stack([here, heading])

    def _at(self, s: Floats) -> Floats:
        return np.column_stack([np.interp(s, self.distance_m, self.points[:, axis]) for axis in (0, 1)])


def angle_between(start: Floats, end: Floats) -> Floats:
    """Return the shortest turn from one heading to another, in (−π, π]."""
    return np.arctan2(np.sin(end - start), np.cos(end - start))


def make_route(waypoints: Floats, final_heading: float | None = None) -> Route:
    """Round the corners of a polyline (Chaikin's corner cutting, three rounds) and measure it."""
    points = waypoints
    for _ in range(3 if len(waypoints) > 2 else 0):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    steps = np.hypot(*np.diff(points, axis=0).T)
    return Route(points, np.concatenate([[0.0], np.cumsum(steps)]), final_heading)
