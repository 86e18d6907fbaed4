"""Bags that people carry, put down, forget and take."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.synthetic.draw import Color


@dataclass(frozen=True, slots=True)
class Carried:
    """`visit` (its index) holds the bag from `start_s` to `end_s`."""

    visit: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Rest:
    """The bag stands at (x, z) from `start_s` to `end_s`; `owner` (a visit's index) put it there."""

    owner: int
    x: float
    z: float
    start_s: float
    end_s: float


@dataclass(slots=True)
class Bag:
    """One bag and its whole history; only the planner adds to it."""

    color: Color
    size_m: float
    shape: str
    carried: list[Carried] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)

    def rest_at(self, t_s: float) -> Rest | None:
        """Return where the bag stands at scene second `t_s`, or None while it is carried or away."""
        return next((rest for rest in self.rests if rest.start_s <= t_s < rest.end_s), None)

    def carrier_at(self, t_s: float) -> int | None:
        """Return the index of the visit that carries the bag at scene second `t_s`, or None."""
        return next((held.visit for held in self.carried if held.start_s <= t_s < held.end_s), None)

    def end_rest(self, t_s: float) -> None:
        """Somebody takes the bag at `t_s`."""
        last = self.rests[-1]
        assert last.start_s < t_s < last.end_s, "a bag is taken while it stands"
        self.rests[-1] = Rest(last.owner, last.x, last.z, last.start_s, t_s)

    def put(self, owner: int, x: float, z: float, t_s: float) -> None:
        """`owner` puts the bag down at `t_s`."""
        held = self.carried[-1]
        self.carried[-1] = Carried(held.visit, held.start_s, t_s)
        self.rests.append(Rest(owner, x, z, t_s, float(np.inf)))

    def waits_at(self, t_s: float) -> bool:
        """Tell whether nothing that has been planned moves the bag after `t_s`, where it then stands."""
        return bool(self.rests) and self.rests[-1].start_s < t_s and np.isinf(self.rests[-1].end_s)
