"""Cutting gaps and segments against each other: pure intervals of timeline seconds."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from pipeline.values import Gap, Segment

Interval: TypeAlias = tuple[float, float]

LEAST_S = 1e-3  # people see milliseconds; nothing shorter is cut out


def without(spans: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Return the spans less the holes."""
    left = list(spans)
    for begin, end in holes:
        left = [part for span in left for part in ((span[0], min(span[1], begin)), (max(span[0], end), span[1]))]
        left = [part for part in left if part[0] < part[1]]
    return left


def covered(gap: Gap, spans: Iterable[Interval]) -> list[Interval]:
    """Return where the spans lie inside the gap; one that ends within `LEAST_S` of the gap's border ends there."""
    found = []
    for start, end in spans:
        begin = gap.start if start < gap.start + LEAST_S else start
        until = gap.end if end > gap.end - LEAST_S else end
        if until - begin >= LEAST_S:
            found.append((begin, until))
    return found


def parts_of(gap: Gap, filled: Sequence[Interval]) -> list[Gap]:
    """Return the gap split into its filled and unfilled parts, by start."""
    rest = without([(gap.start, gap.end)], filled)
    parts = [replace(gap, start=start, end=end, filled=True) for start, end in filled]
    return sorted([*parts, *(replace(gap, start=start, end=end) for start, end in rest)], key=lambda part: part.start)


def pieces_of(
    gap: Gap, seen: Iterable[Segment], there: Sequence[Segment], rivals: Callable[[str], frozenset[str]]
) -> list[Segment]:
    """Return what of the seen segments lies in the gap, and not where one that excludes it is there already.

    An open segment is there for good. A piece keeps the score and peak of its whole segment.
    """
    pieces = []
    for segment in seen:
        assert segment.end is not None
        excluding = rivals(segment.label)
        taken = [(one.start, math.inf if one.end is None else one.end) for one in there if one.label in excluding]
        inside = [(max(segment.start, gap.start), min(segment.end, gap.end))]
        for start, end in without(inside, taken):
            if end - start >= LEAST_S:
                pieces.append(replace(segment, start=start, end=end))
    return pieces
