"""What a commit writes, as a list of Redis commands: pure, so that it can be read and tested without a server."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pipeline.timeline.codec import pack_checkpoint, pack_gap, pack_scores, pack_segment
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.records import EventKind, StoreSettings, StreamState
from pipeline.values import Commit, Scores, Segment

Command: TypeAlias = list[str | bytes | int]
HOUR_MS = 3_600_000
_CHUNK = 1000  # arguments a script can unpack at once, with a wide margin


def commit_writes(commit: Commit, settings: StoreSettings) -> list[Command]:
    """Return everything `commit` changes; the same commit always gives the same list."""
    keys = StreamKeys(commit.stream)
    return [
        *_position(keys, commit),
        *_open(keys, commit.still_open),
        *closed_writes(keys, commit.closed),
        *_sorted_by_start(keys.gaps, ((gap.start, pack_gap(gap)) for gap in commit.gaps)),
        *_scores(keys, commit.scores, commit.checkpoint.until_s - settings.scores_hours * 3600),
        *_aggregates(keys, commit.closed),
        *_events(keys, commit, settings),
    ]


def state_writes(stream: str, state: StreamState, error: str, settings: StoreSettings) -> list[Command]:
    """Return what a change of state writes."""
    keys = StreamKeys(stream)
    return [["HSET", keys.meta, "state", state, "error", error], _event(keys, "state", state.encode(), settings)]


def reset_writes(stream: str, labels: frozenset[str]) -> list[Command]:
    """Return what deletes the stream's timeline and puts its position before the first step."""
    keys = StreamKeys(stream)
    return [
        ["HSET", keys.meta, "epoch", 0, "step", -1],
        ["HDEL", keys.meta, "digest", "from", "until", "pending"],
        ["UNLINK", *keys.timeline(labels)],
    ]


def closed_writes(keys: StreamKeys, segments: Sequence[Segment]) -> Iterator[Command]:
    """Yield what keeps closed segments: their values, and by label an index by start."""
    yield from _hash(keys.segments, segments)
    for segment in segments:
        yield ["ZADD", keys.by_start(segment.label), _number(segment.start), segment.id]


def hours_of(segment: Segment) -> Iterator[tuple[int, int]]:
    """Yield (hour, milliseconds) for every hour a closed segment covers; whole milliseconds add up exactly."""
    assert segment.end is not None
    start_ms, end_ms = round(segment.start * 1000), round(segment.end * 1000)
    for hour in range(start_ms // HOUR_MS, max(start_ms, end_ms - 1) // HOUR_MS + 1):
        yield hour, min(end_ms, (hour + 1) * HOUR_MS) - max(start_ms, hour * HOUR_MS)


def hour_field(hour: int, label: str) -> str:
    """Return the field of the aggregates' hashes."""
    return f"{hour}:{label}"


def _position(keys: StreamKeys, commit: Commit) -> Iterator[Command]:
    checkpoint = commit.checkpoint
    pending = b"" if checkpoint.pending_gap is None else pack_gap(checkpoint.pending_gap)
    yield ["HSET", keys.meta, "epoch", commit.epoch, "step", commit.last_step, "model", checkpoint.model]
    yield ["HSET", keys.meta, "until", _number(checkpoint.until_s), "pending", pending]
    starts = [scores.start_s for scores in commit.scores] + [gap.start for gap in commit.gaps]
    if starts:
        yield ["HSETNX", keys.meta, "from", _number(min(starts))]
    yield ["SET", keys.checkpoint, pack_checkpoint(checkpoint)]


def _open(keys: StreamKeys, segments: Sequence[Segment]) -> Iterator[Command]:
    yield ["DEL", keys.open]
    yield from _hash(keys.open, segments)


def _hash(key: str, segments: Sequence[Segment]) -> Iterator[Command]:
    yield from _chunked(["HSET", key], [(segment.id, pack_segment(segment)) for segment in segments])


def _sorted_by_start(key: str, members: Iterable[tuple[float, bytes]]) -> Iterator[Command]:
    yield from _chunked(["ZADD", key], [(_number(start), member) for start, member in members])


def _chunked(head: list[str], pairs: list[tuple[str, bytes]]) -> Iterator[Command]:
    for at in range(0, len(pairs), _CHUNK):
        yield [*head, *(value for pair in pairs[at : at + _CHUNK] for value in pair)]


def _scores(keys: StreamKeys, scores: Sequence[Scores], oldest_s: float) -> Iterator[Command]:
    if scores:
        yield from _sorted_by_start(keys.scores, ((one.start_s, pack_scores(one)) for one in scores))
        yield ["ZREMRANGEBYSCORE", keys.scores, "-inf", f"({_number(oldest_s)}"]


def _aggregates(keys: StreamKeys, closed: Sequence[Segment]) -> Iterator[Command]:
    for segment in closed:
        hours = list(hours_of(segment))
        yield ["HINCRBY", keys.counts, hour_field(hours[0][0], segment.label), 1]
        for hour, milliseconds in hours:
            yield ["HINCRBY", keys.milliseconds, hour_field(hour, segment.label), milliseconds]


def _events(keys: StreamKeys, commit: Commit, settings: StoreSettings) -> Iterator[Command]:
    for segment in commit.opened:
        yield _event(keys, "opened", pack_segment(segment), settings)
    for segment in commit.closed:
        yield _event(keys, "closed", pack_segment(segment), settings)
    for gap in commit.gaps:
        yield _event(keys, "gap", pack_gap(gap), settings)
    if commit.checkpoint.finished:
        yield from state_writes(commit.stream, "ended", "", settings)


def _event(keys: StreamKeys, kind: EventKind, data: bytes, settings: StoreSettings) -> Command:
    return ["XADD", keys.events, "MAXLEN", "~", settings.events_kept, "*", "kind", kind, "data", data]


def _number(value: float) -> str:
    assert math.isfinite(value), value
    return repr(float(value))
