"""Seconds and counts by stream, label and hour: from the aggregates, and from segments where a range cuts an hour."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from pipeline.ask.hours import HOUR_S, totals_of
from pipeline.errors import UsageError
from pipeline.timeline.reads import Span
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment

By: TypeAlias = Literal["stream", "label", "hour"]
BYS: tuple[By, ...] = get_args(By)
_Total: TypeAlias = tuple[tuple[int, str], tuple[int, int]]
_MARGIN_S = 0.001  # aggregates count in whole milliseconds: what lies beside the cut may round across it


@dataclass(frozen=True, slots=True)
class Row:
    """What closed segments add up to within a range.

    Attributes:
        stream, label: whose; None where rows are not told apart by it.
        hour: timeline seconds at which the hour begins; None likewise.
        seconds: time held, to 1 ms; where several labels or streams hold at once, each counts.
        count: segments that start within the range.
    """

    stream: str | None
    label: str | None
    hour: int | None
    seconds: float
    count: int


def parse_by(text: str) -> tuple[By, ...]:
    """Return what `label,hour` names, in the order of `BYS`; nothing at all asks for one row.

    Raises:
        UsageError: one of them is no way to tell rows apart.
    """
    asked = [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [part for part in asked if part not in BYS]:
        raise UsageError(f"statistics cannot be told apart by {', '.join(unknown)}; choose among {', '.join(BYS)}")
    return tuple(by for by in BYS if by in asked)


def statistics(
    store: TimelineStore,
    streams: Iterable[str],
    by: Sequence[By],
    span: Span | None = None,
    labels: Sequence[str] | None = None,
) -> tuple[Row, ...]:
    """Return the rows of all that is closed, archived or not, sorted by stream, hour and label.

    What each stream adds is one consistent look. Whole hours cost as much as there are hours and labels, however many
    segments they hold.

    Args:
        streams: names.
        span: timeline seconds; everything where None.
        labels: only these; all where None.

    Raises:
        NotThere: no such stream.
        UsageError: the range cuts an hour, and its segments are in an archive that is not known.
        ArchiveError: the range cuts an hour whose segments cannot be read.
    """
    totals: dict[tuple[str | None, str | None, int | None], tuple[int, int]] = {}
    for stream in streams:
        for (hour, label), (milliseconds, count) in _within(store, stream, span or Span()):
            if labels is None or label in labels:
                key = (
                    stream if "stream" in by else None,
                    label if "label" in by else None,
                    hour * HOUR_S if "hour" in by else None,
                )
                held, begun = totals.get(key, (0, 0))
                totals[key] = held + milliseconds, begun + count
    rows = (Row(*key, milliseconds / 1000, count) for key, (milliseconds, count) in totals.items())
    return tuple(sorted(rows, key=lambda row: (row.stream or "", row.hour or 0, row.label or "")))


def row_document(row: Row) -> dict[str, Any]:
    """Return a row as plain values, without what rows are not told apart by."""
    values = {"stream": row.stream, "label": row.label, "hour": row.hour, "seconds": row.seconds, "count": row.count}
    return {name: value for name, value in values.items() if value is not None}


def _within(store: TimelineStore, stream: str, span: Span) -> Iterator[_Total]:
    """Every segment that closes changes the aggregates: where they are equal before and after, it was one moment."""
    edges = _edges(span)
    while True:
        totals = totals_of(store, stream, span)
        cut = [one for edge in edges for one in _counted(store, stream, edge)]
        if not edges or totals_of(store, stream, span) == totals:
            break
    for (hour, label), total in totals.items():
        if span.since <= hour * HOUR_S and (hour + 1) * HOUR_S <= span.until:
            yield (hour, label), total
    yield from cut


def _edges(span: Span) -> list[Span]:
    """The pieces of a range that are less than an hour: at its ends, or all of it."""
    first = math.ceil(span.since / HOUR_S) * HOUR_S if math.isfinite(span.since) else span.since
    last = math.floor(span.until / HOUR_S) * HOUR_S if math.isfinite(span.until) else span.until
    if first > last:
        return [span]
    pieces = [(span.since, first), (last, span.until)]
    return [Span(since, until) for since, until in pieces if since < until]


def _counted(store: TimelineStore, stream: str, edge: Span) -> Iterator[_Total]:
    segments = store.timeline(stream, edge.since - _MARGIN_S, edge.until + _MARGIN_S).segments
    return (found for segment in segments if (found := _part(segment, edge)) is not None)


def _part(segment: Segment, edge: Span) -> _Total | None:
    """What a closed segment adds to a piece of an hour."""
    if segment.end is None:
        return None
    since_ms, until_ms = round(edge.since * 1000), round(edge.until * 1000)
    start_ms, end_ms = round(segment.start * 1000), round(segment.end * 1000)
    held_ms, begins = min(end_ms, until_ms) - max(start_ms, since_ms), since_ms <= start_ms < until_ms
    if held_ms <= 0 and not begins:
        return None
    return (math.floor(edge.since / HOUR_S), segment.label), (max(0, held_ms), int(begins))
