"""The floor people act on: where they may go, where they come from, and the seats."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.camera import Camera, Floats
from pipeline.synthetic.draw import Draw

_CLEARANCE_M = 0.6
_TRIES = 14


@dataclass(frozen=True, slots=True)
class Seat:
    """A chair, stool or bench: its middle on the floor and the way a sitter faces."""

    x: float
    z: float
    heading: float
    kind: str

    def front(self, distance_m: float) -> Floats:
        """Return the floor point (2) in front of the seat."""
        return np.array([self.x + distance_m * np.sin(self.heading), self.z + distance_m * np.cos(self.heading)])


@dataclass(frozen=True, slots=True)
class Stage:
    """The part of the floor between `near_m` and `far_m` from the camera that is in the picture."""

    camera: Camera
    near_m: float
    far_m: float
    seats: tuple[Seat, ...]

    def inside(self, point: Floats, margin: float = 0.78) -> bool:
        """Tell whether a floor point is well inside the picture."""
        x, z = float(point[0]), float(point[1])
        return self.near_m <= z <= self.far_m and abs(x) <= margin * self.camera.half_width_m(z)

    def anywhere(self, rng: np.random.Generator) -> Floats:
        """Return a free floor point (2) well inside the picture."""
        for _ in range(_TRIES):
            z = rng.uniform(self.near_m, self.far_m)
            point = np.array([rng.uniform(-0.7, 0.7) * self.camera.half_width_m(z), z])
            if self.clearance(point, point) > _CLEARANCE_M:
                return point
        return point

    def way_out(self, rng: np.random.Generator, nearest_to: Floats | None = None) -> Floats:
        """Return a floor point (2) just outside the picture, left or right."""
        z = rng.uniform(self.near_m, self.far_m)
        side = float(rng.choice([-1.0, 1.0]))
        if nearest_to is not None and rng.random() < 0.6:
            side = float(np.sign(nearest_to[0]) or 1.0)
        return np.array([side * (self.camera.half_width_m(z) + 0.75), z])

    def next_point(self, start: Floats, rng: np.random.Generator) -> Floats:
        """Return a point to walk to from `start` without stepping over a seat, if a few tries find one."""
        best, best_clearance = self.anywhere(rng), -1.0
        for _ in range(_TRIES):
            point = self.anywhere(rng)
            clearance = min(self.clearance(start, point), _CLEARANCE_M) + 0.05 * float(np.hypot(*(point - start)))
            if clearance > best_clearance:
                best, best_clearance = point, clearance
            if clearance >= _CLEARANCE_M + 0.05:
                break
        return best

    def clearance(self, start: Floats, end: Floats) -> float:
        """Return how near to a seat the straight way between two floor points comes, in metres."""
        steps = np.linspace(0.1, 1, 8)[:, None] * (end - start) + start
        distances = [np.hypot(*(steps - (seat.x, seat.z)).T).min() for seat in self.seats]
        return float(min(distances, default=np.inf))


def draw_stage(draw: Draw, camera: Camera, near_m: float, far_m: float, seats: int) -> Stage:
    """Return a stage with up to `seats` seats, apart from each other."""
    placed: list[Seat] = []
    for _ in range(seats * 6):
        if len(placed) == seats:
            break
        z = draw.rng.uniform(near_m + 0.35, far_m - 0.1)
        x = draw.rng.uniform(-0.6, 0.6) * camera.half_width_m(z)
        if all(np.hypot(x - seat.x, z - seat.z) > 1.3 for seat in placed):
            # A sitter faces the camera or a side, so that the back of the chair never hides them.
            heading = np.pi + draw.rng.uniform(-1.0, 1.0) * np.radians(100)
            placed.append(
                Seat(float(x), float(z), float(heading), draw.choice(("chair", "stool", "chair", "armchair", "bench")))
            )
    return Stage(camera, near_m, far_m, tuple(placed))
