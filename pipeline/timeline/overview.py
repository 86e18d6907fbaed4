"""What a stream showed in a long range, at a glance: which share of each bin its labels and its gaps cover."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError
from pipeline.timeline import reads
from pipeline.timeline.codec import unpack_gap, unpack_span
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.reads import Span
from pipeline.values import Gap

HOUR_S = 3600

_OVERVIEW_LUA = (Path(__file__).parent / "overview.lua").read_text()


@dataclass(frozen=True, slots=True)
class Overview:
    """How much of each bin is covered, 0…1; bin `n` is [since + n · bin_s, since + (n + 1) · bin_s).

    Attributes:
        labels: of each label that is seen at all, its segments; an open one reaches to the end of what is watched.
        gaps: the gaps, filled ones included.
    """

    stream: str
    since: float
    until: float
    bin_s: float
    labels: dict[str, tuple[float, ...]]
    gaps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the bins lie."""

    since: float
    bin_s: float
    bins: int

    @property
    def span(self) -> Span:
        return Span(self.since, self.since + self.bins * self.bin_s)

    def shares(self, spans: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
        """Return the share of each bin that the spans cover."""
        times = np.array(sorted(spans), np.float64).reshape(-1, 2) - self.since
        if not len(times):
            return np.zeros(self.bins)
        ends = np.maximum.accumulate(times[:, 1])
        starts = np.maximum(times[:, 0], np.concatenate([times[:1, 0], ends[:-1]]))  # what overlaps counts once
        covered = np.concatenate([[0.0], np.cumsum(ends - starts)])
        knots = np.stack([starts, ends], axis=1).ravel()
        until_then = np.stack([covered[:-1], covered[1:]], axis=1).ravel()
        edges = np.interp(self.bin_s * np.arange(self.bins + 1), knots, until_then)
        shares: NDArray[np.float64] = np.clip(np.diff(edges) / self.bin_s, 0.0, 1.0)
        return shares


def overview(client: Any, stream: str, since: float, until: float, bins: int, archive: str | None) -> Overview:
    """Return the shares in `bins` bins; see `TimelineStore.overview`."""
    if not (math.isfinite(since) and math.isfinite(until) and since < until):
        raise UsageError(f"an overview wants a range with both ends, since before until, got [{since}, {until})")
    assert bins >= 1, bins
    if until - since >= bins * HOUR_S:
        return _by_hours(client, stream, since, until, bins, archive)
    return _from_segments(client, stream, _Grid(since, (until - since) / bins, bins), archive)


def _from_segments(client: Any, stream: str, grid: _Grid, archive: str | None) -> Overview:
    since, until = grid.span.since, grid.span.until
    found, older = reads.with_archived(
        lambda: reads.look(client, stream, grid.span, None),
        lambda files: reads.archive_at(archive, client, stream).timeline(stream, since, until, None, None, files),
    )
    (_, _, watched, pending), opened, closed, gaps = found
    segments = [unpack_span(data) for data in (*closed, *opened)]
    segments += [(one.label, one.start, one.end) for one in (older.segments if older else ())]
    labels = {label: grid.shares(spans) for label, spans in _by_label(segments, watched).items()}
    return _overview(stream, grid, labels, [*_gaps(stream, gaps, pending), *(older.gaps if older else ())])


def _by_hours(client: Any, stream: str, since: float, until: float, bins: int, archive: str | None) -> Overview:
    """Closed segments from the aggregates; their bins are as many whole hours as cover the range."""
    first = math.floor(since / HOUR_S)
    hours = math.ceil((until / HOUR_S - first) / bins)
    grid = _Grid(float(first * HOUR_S), float(hours * HOUR_S), math.ceil((until / HOUR_S - first) / hours))
    reads.labels_of(client, stream)

    def look() -> tuple[Any, list[str]]:
        answer = client.eval(_OVERVIEW_LUA, len(names), *names, *grid.span.arguments(), first, hours * grid.bins)
        return answer, reads.files_within(grid.span, answer[3])

    keys = StreamKeys(stream)
    names = [keys.meta, keys.labels, keys.open, keys.gaps, keys.archive, keys.milliseconds]
    found, older = reads.with_archived(
        look, lambda files: reads.archive_at(archive, client, stream).gaps(stream, files)
    )
    (watched, pending), opened, gaps, _, totals = found
    labels = _summed(totals, grid)
    for label, spans in _by_label(map(unpack_span, opened), watched).items():
        labels[label] = np.clip(labels[label] + grid.shares(spans), 0.0, 1.0)
    return _overview(stream, grid, labels, [*_gaps(stream, gaps, pending), *(older or ())])


def _summed(totals: bytes, grid: _Grid) -> defaultdict[str, NDArray[np.float64]]:
    """The shares of closed segments by label."""
    found: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(grid.bins))
    flat = msgpack.unpackb(totals)
    first, hours = int(grid.since) // HOUR_S, int(grid.bin_s) // HOUR_S
    for field, milliseconds in zip(flat[::2], flat[1::2], strict=True):
        hour, _, label = field.partition(":")
        number = (int(hour) - first) // hours
        if 0 <= number < grid.bins:
            found[label][number] += int(milliseconds) / (1000 * grid.bin_s)
    return found


def _by_label(
    segments: Iterable[tuple[str, float, float | None]], watched: bytes | None
) -> dict[str, list[tuple[float, float]]]:
    """From when to when each label holds; what is open, until the second up to which the stream is watched."""
    until, found = float(watched or -math.inf), defaultdict(list)
    for label, start, end in segments:
        found[label].append((start, max(start, until) if end is None else end))
    return found


def _gaps(stream: str, gaps: Iterable[bytes], pending: bytes | None) -> list[Gap]:
    return [unpack_gap(data, stream) for data in (*gaps, *([pending] if pending else []))]


def _overview(stream: str, grid: _Grid, labels: dict[str, NDArray[np.float64]], gaps: Iterable[Gap]) -> Overview:
    lost = grid.shares((gap.start, gap.end) for gap in gaps)
    seen = {label: tuple(shares.tolist()) for label, shares in sorted(labels.items()) if shares.any()}
    return Overview(stream, grid.since, grid.span.until, grid.bin_s, seen, tuple(lost.tolist()))
