"""Whether memory stays flat: the proportional set sizes of everything that works for a fleet, Redis included."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.pss import Sample


@dataclass(frozen=True, slots=True)
class Course:
    """The course of memory: the median of the first part of the samples, and that of the last.

    Attributes:
        programs: the same by program, MiB.
    """

    first_mib: float
    last_mib: float
    programs: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, samples: Sequence[Sample], part: float) -> "Course":
        """Hold the first `part` of the samples against the last."""
        samples = [Sample(one.at_s, _joined(one.by_program)) for one in samples]
        count = max(1, round(len(samples) * part))
        first, last = samples[:count], samples[-count:]
        names = sorted({name for sample in (*first, *last) for name in sample.by_program})
        programs = {name: (_middle(first, name), _middle(last, name)) for name in names}
        return cls(_middle(first), _middle(last), programs)

    @property
    def growth(self) -> float:
        """Part by which memory grew; negative where it shrank."""
        return self.last_mib / self.first_mib - 1


def _joined(by_program: dict[str, float]) -> dict[str, float]:
    """Actors by their class: Ray may put the actor's name before it."""
    sums: Counter[str] = Counter()
    for name, mib in by_program.items():
        sums["ray::" + name.rpartition(":")[2] if name.startswith("ray::") else name] += mib  # type: ignore[assignment]
    return dict(sums)


def _middle(samples: Sequence[Sample], program: str | None = None) -> float:
    return statistics.median(one.mib if program is None else one.by_program.get(program, 0.0) for one in samples)
