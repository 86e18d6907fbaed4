"""How many workers a pool should have: a pure function of what its workers say, and of what was decided before.

A pool grows when requests wait, and shrinks when those that would be left could do the work. Growing looks at what
waits, because only that costs anybody time; shrinking looks at how busy the workers are, because where nothing waits
the queue does not tell whether one less would do. So a pool never shrinks to a size from which the same load would
let it grow again, and a constant load finds a size and stays there.
"""

import json
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PoolSettings(BaseModel):
    """Between what sizes the pool of a model's workers moves, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = Field(default=0, ge=0, description="workers of a model at least; 0 means as many as ray.model_workers")
    max: int = Field(default=0, ge=0, description="workers of a model at most; 0 means no more than at least")
    grow_at: float = Field(default=4.0, gt=0, description="mean requests waiting per worker from which a pool grows")
    grow_s: float = Field(default=5.0, ge=0, description="seconds it must have been so before one worker is added")
    shrink_at: float = Field(
        default=0.6, gt=0, lt=1, description="share of their time that the workers left after shrinking may be busy"
    )
    shrink_s: float = Field(default=60.0, ge=0, description="seconds it must have been so before one worker is taken")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max and self.max < self.min:
            raise ValueError(f"max {self.max} is less than min {self.min}; give max 0 for a pool of one size")
        return self


@dataclass(frozen=True, slots=True)
class Bounds:
    """The sizes a pool may have."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"want 1 ≤ least ≤ most, got {self.least} and {self.most}")

    @classmethod
    def of(cls, settings: PoolSettings, usual: int) -> "Bounds":
        """What the settings mean where `usual` workers are started for want of a `min`."""
        least = settings.min or usual
        return cls(least, max(least, settings.max))

    def nearest(self, size: int) -> int:
        return min(max(size, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Demand:
    """What all workers of a pool said last.

    Attributes:
        waiting: requests that wait for a worker's attention.
        busy: how many workers' whole time was spent computing since the last look, 0…size.
    """

    waiting: int
    busy: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How many workers a pool should have, and since when it has been too few or too many."""

    size: int
    full_since_s: float | None = None
    spare_since_s: float | None = None


def rescale(scale: Scale, demand: Demand | None, bounds: Bounds, settings: PoolSettings, now_s: float) -> Scale:
    """Return the size at `now_s`: one more, one less or the same, and always within the bounds.

    Without a demand, because some worker has not answered yet, nothing is known and every wait begins anew.
    """
    size = bounds.nearest(scale.size)
    if demand is None or size != scale.size:
        return Scale(size)
    full = size < bounds.most and demand.waiting >= settings.grow_at * size
    spare = size > bounds.least and _would_do(size - 1, demand, settings)
    full_since_s = _since(scale.full_since_s, full, now_s)
    spare_since_s = _since(scale.spare_since_s, spare, now_s)
    if full_since_s is not None and now_s - full_since_s >= settings.grow_s:
        return Scale(size + 1)
    if spare_since_s is not None and now_s - spare_since_s >= settings.shrink_s:
        return Scale(size - 1)
    return replace(scale, full_since_s=full_since_s, spare_since_s=spare_since_s)


def _would_do(size: int, demand: Demand, settings: PoolSettings) -> bool:
    return demand.busy <= settings.shrink_at * size and demand.waiting < settings.grow_at * size


def _since(since_s: float | None, held: bool, now_s: float) -> float | None:
    if not held:
        return None
    return now_s if since_s is None else since_s


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool of one model, as the board has it.

    Attributes:
        model: registered name or directory of the model.
        workers: names of its members; some of them may still be loading.
        numerics: digest of the profile all of them compute under; empty until the first has answered.
    """

    model: str
    workers: tuple[str, ...] = ()
    numerics: str = ""

    def to_json(self) -> str:
        return json.dumps([self.model, self.numerics, self.workers])

    @classmethod
    def from_json(cls, text: bytes) -> "Pool":
        model, numerics, workers = json.loads(text)
        return cls(model, tuple(workers), numerics)
