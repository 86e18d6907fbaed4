"""Which fault comes next, and whether the faults that were struck are those that were promised."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.faults import Kind


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault.

    Attributes:
        at_s: when it began, in seconds of the run.
        struck_s: how long it took until everything it had broken by hand was mended by hand.
        recovered_s: how long it was from there until everybody flowed again; None: not in time.
    """

    at_s: float
    kind: str
    what: str
    struck_s: float
    recovered_s: float | None

    @property
    def over_s(self) -> float:
        """When everybody flowed again, in seconds of the run; never, where they did not."""
        return float("inf") if self.recovered_s is None else self.at_s + self.struck_s + self.recovered_s


def next_kind(kinds: Sequence[Kind], struck: Sequence[Struck], chance: random.Random) -> Kind:
    """The rarest kind so far, so that each comes about as often; by chance among equals."""
    counts = Counter(one.kind for one in struck)
    fewest = min(counts[kind.name] for kind in kinds)
    return chance.choice([kind for kind in kinds if counts[kind.name] == fewest])


def unmet(kinds: Sequence[Kind], struck: Sequence[Struck], least: int, least_each: int) -> Iterator[str]:
    """What was promised of the faults and is not so, as sentences."""
    if len(struck) < least:
        yield f"only {len(struck)} faults of {least}"
    for kind in kinds:
        own = [one for one in struck if one.kind == kind.name]
        if len(own) < least_each:
            yield f"only {len(own)} times {kind.name}, not {least_each}"
        for before, after in itertools.pairwise(own):
            if after.at_s < before.over_s:
                yield f"{kind.name} at {after.at_s:.0f} s came before the one at {before.at_s:.0f} s was over"
