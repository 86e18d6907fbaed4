"""Which segments of a label had one of another label beside them: overlapping, before or after."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

from pipeline.errors import UsageError
from pipeline.timeline.reads import Span
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment

Kind: TypeAlias = Literal["during", "within", "following", "followed_by"]
_MARGIN_S = 0.001  # what is exactly as far away as allowed still counts


@dataclass(frozen=True, slots=True)
class Relation:
    """What must lie beside a segment, on the same stream.

    Attributes:
        kind: `during`: it overlaps; `within`: it overlaps, or is at most `within_s` away; `following`: it ended before
            the segment begins; `followed_by`: it begins after the segment ended.
        label: of the other segment.
        within_s: most seconds between the two, of those that do not overlap.
    """

    kind: Kind
    label: str
    within_s: float = math.inf

    def __post_init__(self) -> None:
        if not self.within_s >= 0:
            raise UsageError(f"segments are 0 s or more apart, got {self.within_s:g}")


@dataclass(frozen=True, slots=True)
class Found:
    """A segment, and the one beside it where one was asked for."""

    segment: Segment
    other: Segment | None

    @property
    def apart_s(self) -> float | None:
        """Seconds between the two, 0 where they overlap."""
        return None if self.other is None else apart_s(self.segment, self.other)


def ask(
    store: TimelineStore,
    streams: Iterable[str],
    label: str,
    relation: Relation | None = None,
    span: Span | None = None,
    min_score: float | None = None,
) -> Iterator[Found]:
    """Yield the segments of `label` that overlap `span` and stand in the relation, stream by stream, by start.

    A stream is looked at when its turn comes; open segments count, their end is not known yet.

    Args:
        streams: names of streams that know the label and that of the relation.
        span: of the segment; the one beside it may lie outside.
        min_score: least mean score of the segment, 0…1.

    Raises:
        UsageError: no such stream or label, or part of it is in an archive that is not known.
        ArchiveError: the archived part cannot be read.
    """
    span = span or Span()
    for stream in streams:
        segments = store.timeline(stream, span.since, span.until, label, min_score).segments
        if relation is None or not segments:
            yield from (Found(segment, None) for segment in segments)
            continue
        near = _reach_of(segments, relation)
        yield from related(segments, store.timeline(stream, near.since, near.until, relation.label).segments, relation)


def related(segments: Iterable[Segment], others: Iterable[Segment], relation: Relation) -> Iterator[Found]:
    """Yield each segment that has one of `others` beside it, with the nearest of them; O(n log n).

    Of several that overlap the first by start is taken. A segment is never beside itself: where both are of one label,
    of which no two segments overlap, only those before and after count.
    """
    beside = _Others(others)
    for segment in segments:
        other = _nearest(segment, beside, relation)
        if other is not None and apart_s(segment, other) <= relation.within_s:
            yield Found(segment, other)


def apart_s(one: Segment, other: Segment) -> float:
    """Return the seconds from the end of one segment to the start of the other, 0 where they overlap."""
    return max(0.0, one.start - _end(other), other.start - _end(one))


def _nearest(segment: Segment, others: "_Others", relation: Relation) -> Segment | None:
    if relation.kind == "following":
        return others.before(segment)
    if relation.kind == "followed_by":
        return others.after(segment)
    overlapping = None if segment.label == relation.label else others.overlapping(segment)
    if relation.kind == "during" or overlapping is not None:
        return overlapping
    beside = [one for one in (others.before(segment), others.after(segment)) if one is not None]
    return min(beside, key=lambda one: apart_s(segment, one), default=None)


class _Others:
    """Segments in two orders, so that each question is a binary search."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._by_start = sorted(segments, key=lambda one: (one.start, one.id))
        self._starts = [one.start for one in self._by_start]
        self._reached = list(accumulate(map(_reach, self._by_start), max))  # by any of those up to here
        self._by_end = sorted(self._by_start, key=_reach)
        self._ends = [_reach(one) for one in self._by_end]

    def overlapping(self, segment: Segment) -> Segment | None:
        """The first that shares a moment with `segment`."""
        first = bisect_right(self._reached, segment.start)
        return self._by_start[first] if first < bisect_left(self._starts, _reach(segment)) else None

    def before(self, segment: Segment) -> Segment | None:
        """The last to end of those that end before `segment` begins."""
        ended = bisect_right(self._ends, segment.start)
        return self._by_end[ended - 1] if ended else None

    def after(self, segment: Segment) -> Segment | None:
        """The first that begins after `segment` has ended."""
        begun = bisect_left(self._starts, _reach(segment))
        return self._by_start[begun] if begun < len(self._by_start) else None


def _reach_of(segments: Sequence[Segment], relation: Relation) -> Span:
    """Where what stands in the relation to one of them may lie."""
    around_s = _MARGIN_S + (0.0 if relation.kind == "during" else relation.within_s)
    return Span(min(one.start for one in segments) - around_s, max(map(_end, segments)) + around_s)


def _end(segment: Segment) -> float:
    return math.inf if segment.end is None else segment.end


def _reach(segment: Segment) -> float:
    """The first second at which nothing of it is left; what has no length still lies where it starts."""
    return max(_end(segment), math.nextafter(segment.start, math.inf))
