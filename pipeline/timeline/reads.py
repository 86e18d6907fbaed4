"""What readers ask the store; each answer is one consistent look, never half a commit."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.archive.errors import FileMissing
from pipeline.archive.layout import begins_s
from pipeline.errors import REDACTED, NotThere, UsageError
from pipeline.timeline.codec import unpack_gap, unpack_scores, unpack_segment
from pipeline.timeline.keys import META_PATTERN, STREAMS, StreamKeys, stream_of
from pipeline.timeline.records import Aggregate, Event, StreamInfo
from pipeline.values import Gap, Scores, Segment, Timeline

if TYPE_CHECKING:
    from pipeline.archive.archive import Archive  # loads pyarrow

_Found = TypeVar("_Found")
_Older = TypeVar("_Older")
_TIMELINE_LUA = (Path(__file__).parent / "timeline.lua").read_text()
_BOTH_LUA = "return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}"


@dataclass(frozen=True, slots=True)
class Span:
    """The range [since, until) in timeline seconds, endless where nothing is given."""

    since: float = -math.inf
    until: float = math.inf

    @classmethod
    def of(cls, since: float | None, until: float | None) -> "Span":
        """Return the range, or raise `UsageError` if it is empty."""
        span = cls(-math.inf if since is None else since, math.inf if until is None else until)
        if not span.since < span.until:
            raise UsageError(f"since must lie before until, got [{since}, {until})")
        return span

    def overlaps(self, start: float, end: float | None) -> bool:
        """Tell whether [start, end) reaches into the range; None is open: it has no end yet."""
        return start < self.until and (end is None or end > self.since or start >= self.since)

    def arguments(self) -> tuple[str, str]:
        """Return both ends as Redis writes numbers."""
        return repr(self.since), repr(self.until)


def timeline(client: Any, stream: str, span: Span, label: str | None, archive: str | None = None) -> Timeline:
    """Return the part of the timeline that overlaps `span`, of one label or all; `archive` says where the rest lies."""
    packed, older = with_archived(
        look=lambda: look(client, stream, span, label),
        read=lambda files: archive_at(archive, client, stream).timeline(
            stream, span.since, span.until, label, None, files
        ),
    )
    found = _timeline(stream, span, label, packed)
    return _joined(older, found) if older else found


def with_archived(
    look: Callable[[], tuple[_Found, list[str]]], read: Callable[[list[str]], _Older]
) -> tuple[_Found, _Older | None]:
    """Return what a look at Redis saw, and what was read from the archive to go with it, or None without any file.

    Args:
        look: returns what it saw and, as of the same moment, the archived files that may hold some of what was asked. A
            move changes both at once.
        read: reads these files.
    """
    missed: FileMissing | None = None
    while True:
        found, files = look()
        if not files:
            return found, None
        if missed is not None and missed.path in files:
            raise missed
        try:
            return found, read(files)
        except FileMissing as error:
            missed = error  # the stream may have been removed since the look: then the next one does not list the file


def files_within(span: Span, files: Sequence[bytes]) -> list[str]:
    """Return those archived files, as a look saw them, that do not begin behind the range."""
    paths = (path.decode() for path in files)
    return [path for path in paths if begins_s(path) < span.until]


def archive_of(client: Any, stream: str, archive: str | None) -> "Archive | None":
    """Return the archive if it holds a part of the stream, else None.

    Raises:
        UsageError: it does, but neither `archive` nor the store says where it is.
    """
    listed = client.zcard(StreamKeys(stream).archive)
    return archive_at(archive, client, stream) if listed else None


def require_archive(client: Any, stream: str, archive: str | None) -> None:
    """Make sure that the newest archived file of the stream is there, if any part of it is archived."""
    if newest := client.zrevrange(StreamKeys(stream).archive, 0, 0):
        archive_at(archive, client, stream).require(newest[0].decode())


def archive_at(archive: str | None, client: Any, stream: str) -> "Archive":
    """The archive that is given, else the one the stream was moved to, as far as the store knows it."""
    if archive is None:
        until, url = client.hmget(StreamKeys(stream).meta, "archived_until", "archive")
        archive = url.decode() if url else ""
        if not archive or REDACTED in archive:
            place = f"{archive}, whose secrets are not kept" if archive else "an archive that is not known here"
            raise UsageError(
                f"what {stream!r} showed before {round(float(until or 0), 3):.15g} s has been moved to {place}; "
                "set LONGTAKE_ARCHIVE to its folder or whole URL"
            )
    from pipeline.archive.archive import Archive  # loads pyarrow

    return Archive(archive)


def _joined(older: Timeline, found: Timeline) -> Timeline:
    """One timeline out of its archived part and the one in Redis; neither holds what the other does."""
    segments = {one.id: one for one in (*older.segments, *found.segments)}
    gaps = dict.fromkeys((*older.gaps, *found.gaps))
    return replace(found, segments=_sorted_segments(segments.values()), gaps=_sorted_gaps(gaps))


def look(client: Any, stream: str, span: Span, label: str | None) -> tuple[Any, list[str]]:
    """Return what Redis holds of the range, and the archived files that may hold some of it, as of one moment.

    The first is what timeline.lua answers: packed values; open segments may be of other labels or lie elsewhere.
    """
    keys, answer = StreamKeys(stream), None
    while answer is None:
        labels = labels_of(client, stream)
        asked = sorted(labels) if label is None else [_known(label, labels)]
        names = [keys.meta, keys.labels, keys.open, keys.segments, keys.gaps, keys.archive, *map(keys.by_start, asked)]
        answer = client.eval(_TIMELINE_LUA, len(names), *names, *span.arguments(), len(labels))
    *found, files = answer
    return found, files_within(span, files)


def _timeline(stream: str, span: Span, label: str | None, found: Any) -> Timeline:
    """Unpack what a look saw."""
    (model, begin, end, pending), opened, closed, gaps = found
    segments = [unpack_segment(data, stream) for data in (*closed, *opened)]
    found_gaps = [unpack_gap(data, stream) for data in (*gaps, *([pending] if pending else []))]
    return Timeline(
        stream=stream,
        model=model.decode(),
        duration=max(0.0, float(end or 0) - float(begin or 0)) if begin is not None else 0.0,
        segments=_segments_in(span, (one for one in segments if label in (None, one.label))),
        gaps=_gaps_in(span, found_gaps),
    )


def at_least(found: Timeline, min_score: float | None) -> Timeline:
    """Return the timeline without the segments whose mean score lies below `min_score`."""
    if min_score is None:
        return found
    return replace(found, segments=tuple(segment for segment in found.segments if segment.score >= min_score))


def scores(client: Any, stream: str, span: Span) -> list[Scores]:
    """Return the kept scores that overlap `span`."""
    labels_of(client, stream)
    key, (since, until) = StreamKeys(stream).scores, span.arguments()
    with client.pipeline(transaction=False) as pipe:
        pipe.zrevrangebyscore(key, f"({since}", "-inf", start=0, num=1)
        pipe.zrangebyscore(key, since, f"({until}")
        before, within = pipe.execute()
    found = [unpack_scores(data, stream) for data in (*before, *within)]
    return [one for one in found if span.overlaps(one.start_s, one.end_s)]


def aggregates(client: Any, stream: str) -> list[Aggregate]:
    """Return seconds and count by hour and label."""
    labels_of(client, stream)
    keys = StreamKeys(stream)
    milliseconds, totals = client.eval(_BOTH_LUA, 2, keys.milliseconds, keys.counts)
    counts = dict(_pairs(totals))
    found = []
    for field, total in _pairs(milliseconds):
        hour, _, label = field.decode().partition(":")
        found.append(Aggregate(label, int(hour), int(total) / 1000, int(counts.get(field, 0))))
    return sorted(found, key=lambda one: (one.hour, one.label))


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """A hash as a script returns it."""
    return zip(flat[::2], flat[1::2], strict=True)


def events(client: Any, stream: str, after: str, limit: int) -> list[Event]:
    """Return entries of the event log."""
    labels_of(client, stream)
    answers = client.xread({StreamKeys(stream).events: after}, count=limit)
    entries = answers[0][1] if answers else []
    return [event_of(stream, id_, fields) for id_, fields in entries]


def streams(client: Any) -> list[StreamInfo]:
    """Return all streams by name."""
    names = stream_names(client)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            keys = StreamKeys(name)
            pipe.hgetall(keys.meta).hlen(keys.segments).hlen(keys.open)
        answers = pipe.execute()
    triples = zip(names, answers[0::3], answers[1::3], answers[2::3], strict=True)
    return [_info(name, meta, closed + opened) for name, meta, closed, opened in triples if meta]


def labels_of(client: Any, stream: str) -> frozenset[str]:
    """Return the labels of a stream, or raise `NotThere` naming the streams there are."""
    known = client.smembers(StreamKeys(stream).labels)
    if not known:
        names = ", ".join(stream_names(client)) or "none yet"
        raise NotThere(f"there is no stream {stream!r}; streams: {names}")
    return frozenset(label.decode() for label in known)


def open_segments(client: Any, streams: Sequence[str]) -> list[Segment]:
    """Return the open segments of streams."""
    with client.pipeline(transaction=False) as pipe:
        for stream in streams:
            pipe.hvals(StreamKeys(stream).open)
        answers = pipe.execute()
    return [unpack_segment(data, stream) for stream, found in zip(streams, answers, strict=True) for data in found]


def stream_names(client: Any) -> list[str]:
    """Return the names of all streams, sorted."""
    names = {name.decode() for name in client.smembers(STREAMS)}
    if not names:
        names = {stream_of(key.decode()) for key in client.scan_iter(META_PATTERN, count=1000)}
        if names:
            client.sadd(STREAMS, *names)
    return sorted(names)


def _known(label: str, labels: frozenset[str]) -> str:
    if label not in labels:
        raise UsageError(f"unknown label {label!r}; this stream has: {', '.join(sorted(labels))}")
    return label


def _segments_in(span: Span, segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return _sorted_segments(segment for segment in segments if span.overlaps(segment.start, segment.end))


def _gaps_in(span: Span, gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    return _sorted_gaps(gap for gap in gaps if span.overlaps(gap.start, gap.end))


def _sorted_segments(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: (segment.start, segment.label, segment.id)))


def _sorted_gaps(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    return tuple(sorted(gaps, key=lambda gap: gap.start))


def event_of(stream: str, entry: bytes, fields: Mapping[bytes, bytes]) -> Event:
    """Return one entry of an event log."""
    id_, kind, data = entry.decode(), fields[b"kind"], fields[b"data"]
    if kind == b"gap":
        return Event(id_, "gap", unpack_gap(data, stream))
    if kind == b"state":
        state: Any = data.decode()
        return Event(id_, "state", state)
    return Event(id_, "opened" if kind == b"opened" else "closed", unpack_segment(data, stream))


def _info(name: str, meta: dict[bytes, bytes], segments: int) -> StreamInfo:
    text = {field.decode(): value.decode() for field, value in meta.items() if field not in (b"pending", b"digest")}
    state: Any = text["state"]
    return StreamInfo(
        name=name,
        source=text["source"],
        model=text["model"],
        state=state,
        error=text.get("error", ""),
        since_s=float(text.get("from", 0)),
        until_s=float(text.get("until", 0)),
        segments=segments + int(text.get("archived", 0)),
        updated_s=float(text["updated"]),
        clock=text.get("clock", ""),
    )
