"""Where a person is during one span: on a spot, or on the way along a smooth path over the floor."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.synthetic.camera import Floats
from pipeline.synthetic.motion import smooth, travelled_m

_TURN_S = 0.6
_AHEAD_M = 0.25
_SHARP_COS = 0.1
_BOW_M = 0.4


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
        heading = self._heading(s)
        if self.final_heading is not None:
            turn = angle_between(float(self._heading(np.array([self.length_m]))[0]), self.final_heading)
            heading = heading + turn * smooth((t_s - (duration_s - _TURN_S)) / _TURN_S)
        return np.column_stack([self._at(s), heading])

    def _heading(self, s: Floats) -> Floats:
        way = self._at(np.minimum(s + _AHEAD_M, self.length_m)) - self._at(np.maximum(s - _AHEAD_M, 0.0))
        return np.arctan2(way[:, 0], way[:, 1])

    def _at(self, s: Floats) -> Floats:
        return np.column_stack([np.interp(s, self.distance_m, self.points[:, axis]) for axis in (0, 1)])


def angle_between(start: float, end: float) -> float:
    """Return the shortest turn from one heading to another, in (−π, π]."""
    return float(np.arctan2(np.sin(end - start), np.cos(end - start)))


def bow(before: Floats, corner: Floats, after: Floats) -> Floats | None:
    """Return a floor point that makes a way back at `corner` a bow instead of a cusp; None where the turn is gentle."""
    coming, going = corner - before, after - corner
    coming = coming / max(1e-6, float(np.hypot(*coming)))
    going = going / max(1e-6, float(np.hypot(*going)))
    if float(coming @ going) > _SHARP_COS:
        return None
    aside = going - float(going @ coming) * coming
    size = float(np.hypot(*aside))
    aside = aside / size if size > 1e-3 else np.array([coming[1], -coming[0]])
    bowed: Floats = corner + _BOW_M * (coming + 1.6 * aside)
    return bowed


def make_route(waypoints: Floats, final_heading: float | None = None) -> Route:
    """Round the corners of a polyline (Chaikin's corner cutting, three rounds) and measure it."""
    points = waypoints
    for _ in range(3 if len(waypoints) > 2 else 0):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    steps = np.hypot(*np.diff(points, axis=0).T)
    return Route(points, np.concatenate([[0.0], np.cumsum(steps)]), final_heading)
