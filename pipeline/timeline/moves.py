"""What changes a timeline beside its owner: its older part is moved into the archive, its gaps are filled.

Neither needs the stream's lease: each is one script that first makes sure that nothing has changed under it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgpack

from pipeline.archive.archive import Archive, ArchivedFile
from pipeline.archive.errors import ArchiveError
from pipeline.clock import Clock, SystemClock
from pipeline.timeline import reads
from pipeline.timeline.codec import pack_gap, pack_segment, unpack_checkpoint, unpack_gap, unpack_scores, unpack_segment
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.records import FinalGaps, Moved, MovedStream, StreamInfo
from pipeline.timeline.store import TimelineStore
from pipeline.timeline.writes import Command, hour_field, hours_of
from pipeline.values import Gap, Segment

WALL_CLOCK_S = 1e8
"""From here on timeline seconds are unix seconds; below, they count from the start of a recording."""

_MOVE_LUA = (Path(__file__).parent / "move.lua").read_text()
_FILL_LUA = (Path(__file__).parent / "fill.lua").read_text()
_Answer: TypeAlias = Literal["ok", "changed", "open"]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one step moves: everything listed starts before the mark; packed values as Redis holds them."""

    mark_s: float
    last: bool
    segments: tuple[tuple[str, str, bytes], ...]  # label, id, packed
    gaps: tuple[bytes, ...]


def move(store: TimelineStore, archive: Archive, older_than_s: float, clock: Clock | None = None) -> Moved:
    """Move what is older than `older_than_s` out of every stream, once; see `Mover`.

    Raises:
        StoreError: the store failed; what was moved so far stays moved.
    """
    return Mover(store, archive, clock).run(older_than_s)


class Mover:
    """Moves closed segments and final gaps; needs no lease and may run beside owners, readers and other movers.

    A batch is written to the archive first. Then one script takes it out of Redis and lists its files, if all of it is
    still there as it was read and nothing that may still change starts below the batch's mark. So every segment is at
    every moment either in Redis or in a listed file, wherever the mover dies.

    Args:
        told: called with the name of each step before it is done; for tests.
    """

    BATCH = 2000  # values in one step: the script takes some milliseconds, during which Redis serves nobody else
    TRIES = 10

    def __init__(
        self,
        store: TimelineStore,
        archive: Archive,
        clock: Clock | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._archive = archive
        self._clock = clock or SystemClock()
        self._told = told

    def run(self, older_than_s: float) -> Moved:
        """Do one pass over all streams; a stream whose archived part cannot be reached or written is passed over."""
        done = [self._stream(info, self._cut_s(info, older_than_s)) for info in self._store.streams()]
        return Moved(tuple(one for one in done if one.files or one.error))

    def _cut_s(self, info: StreamInfo, older_than_s: float) -> float:
        """What starts before is old enough. A recording in seconds of its own is as old as its last commit."""
        now_s = self._clock.wall_s()
        if info.until_s >= WALL_CLOCK_S:
            return now_s - older_than_s
        return math.inf if now_s - info.updated_s >= older_than_s else -math.inf

    def _stream(self, info: StreamInfo, cut_s: float) -> MovedStream:
        done, tries = MovedStream(info.name), 0
        try:
            self._require_same_archive(info.name)
            while tries < self.TRIES:
                self._told("choose")
                batch = self._choose(info.name, cut_s)
                if not batch.segments and not batch.gaps:
                    return done
                files = self._write(info.name, batch)
                self._told("commit")
                if self._commit(info.name, batch, files) != "ok":
                    tries += 1
                    continue
                self._told("committed")
                done, tries = _with(done, batch, len(files)), 0
                if batch.last:
                    return done
        except ArchiveError as error:
            return _failed(done, str(error))
        return _failed(done, "it changed whenever it was to be moved; the next pass tries again")

    def _require_same_archive(self, stream: str) -> None:
        """All files of a stream lie in one archive, wherever that may be mounted now."""
        keys = StreamKeys(stream)
        with self._store.border():
            newest: list[bytes] = self._store.client.zrevrange(keys.archive, 0, 0)
            known: bytes | None = self._store.client.hget(keys.meta, "archive")
        if newest and not self._archive.holds(newest[0].decode()):
            place = known.decode() if known else "elsewhere"
            raise ArchiveError(f"the older part of {stream!r} is in {place}, not in {self._archive.url}; give that one")

    def _choose(self, stream: str, cut_s: float) -> _Batch:
        """Read the oldest values that may go."""
        keys, client = StreamKeys(stream), self._store.client
        with self._store.border():
            with client.pipeline(transaction=False) as pipe:  # the script makes sure that it was one moment
                pipe.hmget(keys.meta, "until", "pending").hvals(keys.open).smembers(keys.labels)
                (until, pending), opened, labels = pipe.execute()
            starts = [unpack_segment(packed, stream).start for packed in opened]
            starts += [unpack_gap(pending, stream).start] if pending else []
            mark_s = min([cut_s, float(until or -math.inf), *starts])
            names = sorted(label.decode() for label in labels)
            with client.pipeline(transaction=False) as pipe:
                for key in (keys.gaps, *map(keys.by_start, names)):
                    pipe.zrangebyscore(key, "-inf", f"({mark_s!r}", start=0, num=self.BATCH + 1, withscores=True)
                lost, *found = pipe.execute()
            values = [(start, label, id_) for label, ids in zip(names, found, strict=True) for id_, start in ids]
            values += [(start, None, packed) for packed, start in lost]
            mark_s, last = self._limit(mark_s, [value[0] for value in values])
            chosen = [value for value in values if value[0] < mark_s]
            wanted = [(label, id_) for _, label, id_ in chosen if label is not None]
            packed = client.hmget(keys.segments, [id_ for _, id_ in wanted]) if wanted else []
        segments = tuple((label, id_.decode(), data) for (label, id_), data in zip(wanted, packed, strict=True) if data)
        return _Batch(mark_s, last, segments, tuple(gap for _, label, gap in chosen if label is None))

    def _limit(self, mark_s: float, starts: list[float]) -> tuple[float, bool]:
        """The mark of a batch that is not too large, and whether it is the last one."""
        if len(starts) <= self.BATCH:
            return mark_s, True
        return math.nextafter(sorted(starts)[self.BATCH - 1], math.inf), False

    def _write(self, stream: str, batch: _Batch) -> tuple[ArchivedFile, ...]:
        segments = [unpack_segment(packed, stream) for _, _, packed in batch.segments]
        gaps = [unpack_gap(packed, stream) for packed in batch.gaps]
        self._told("write")
        return self._archive.write(stream, segments, gaps, batch.mark_s)

    def _commit(self, stream: str, batch: _Batch, files: tuple[ArchivedFile, ...]) -> _Answer:
        keys = StreamKeys(stream)
        labels = sorted({label for label, _, _ in batch.segments})
        numbers = {label: number for number, label in enumerate(labels, 1)}
        moved: Any = [
            [[id_, packed, numbers[label]] for label, id_, packed in batch.segments],
            list(batch.gaps),
            [[repr(file.end_s), file.path] for file in files],
        ]
        # The old raw type for text and bytes alike: the unpacker inside Redis 6 knows no other.
        arguments = [repr(batch.mark_s), self._archive.url, msgpack.packb(moved, use_bin_type=False)]
        names = [keys.meta, keys.open, keys.segments, keys.gaps, keys.archive, *map(keys.by_start, labels)]
        with self._store.border():
            answer = self._store.client.register_script(_MOVE_LUA)(names, arguments)
        result: _Answer = answer[0].decode()
        return result


def _with(done: MovedStream, batch: _Batch, files: int) -> MovedStream:
    until_s = batch.mark_s if done.until_s is None else max(done.until_s, batch.mark_s)
    counts = (done.segments + len(batch.segments), done.gaps + len(batch.gaps), done.files + files)
    return MovedStream(done.stream, *counts, until_s)


def _failed(done: MovedStream, error: str) -> MovedStream:
    return MovedStream(done.stream, done.segments, done.gaps, done.files, done.until_s, error)


def final_gaps(store: TimelineStore, stream: str) -> FinalGaps:
    """Return the gaps of a stream that may be filled; the one that is still growing is not among them.

    Raises:
        UsageError: there is no such stream.
    """
    keys = StreamKeys(stream)
    with store.border():
        reads.labels_of(store.client, stream)
        with store.client.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.gaps, 0, -1).get(keys.checkpoint).hget(keys.meta, "archived_until")
            gaps, checkpoint, archived = pipe.execute()
    return FinalGaps(
        gaps=tuple(unpack_gap(packed, stream) for packed in gaps),
        checkpoint=unpack_checkpoint(checkpoint) if checkpoint else None,
        archived_until_s=float(archived) if archived else None,
    )


def epoch_before(store: TimelineStore, stream: str, at_s: float) -> int:
    """Return the epoch that ended where a gap begins: of the last answer or segment before it, else the first one."""
    keys, before = StreamKeys(stream), {"max": f"{at_s!r}", "min": "-inf", "start": 0, "num": 1}
    with store.border():
        labels = reads.labels_of(store.client, stream)
        scores = store.client.zrevrangebyscore(keys.scores, **before)
        if scores:
            return unpack_scores(scores[0], stream).epoch
        with store.client.pipeline(transaction=False) as pipe:
            for label in labels:
                pipe.zrevrangebyscore(keys.by_start(label), **before)
            ids = [id_ for found in pipe.execute() for id_ in found]
        packed = store.client.hmget(keys.segments, ids) if ids else []
    return max((unpack_segment(data, stream).epoch for data in packed if data), default=0)


def fill(store: TimelineStore, gap: Gap, parts: Sequence[Gap], segments: Sequence[Segment]) -> bool:
    """Replace `gap` by its parts and add what was seen in it, all or nothing; False if that gap is not there any more.

    Hourly aggregates grow with it; the event log, the position and the checkpoint do not change.

    Args:
        gap: a final gap, exactly as it was read.
        parts: what it is split into.
        segments: closed ones of origin `backfill`, which overlap no other of their label.
    """
    keys = StreamKeys(gap.stream)
    commands = list(_fill_commands(keys, parts, segments))
    names = dict.fromkeys([keys.gaps, *(str(command[1]) for command in commands)])
    with store.border():
        arguments = [pack_gap(gap), msgpack.packb(commands, use_bin_type=False)]
        return bool(store.client.register_script(_FILL_LUA)(list(names), arguments))


def _fill_commands(keys: StreamKeys, parts: Sequence[Gap], segments: Sequence[Segment]) -> Iterator[Command]:
    for part in parts:
        yield ["ZADD", keys.gaps, repr(part.start), pack_gap(part)]
    for segment in segments:
        yield ["SADD", keys.labels, segment.label]
        yield ["HSET", keys.segments, segment.id, pack_segment(segment)]
        yield ["ZADD", keys.by_start(segment.label), repr(segment.start), segment.id]
        hours = list(hours_of(segment))
        yield ["HINCRBY", keys.counts, hour_field(hours[0][0], segment.label), 1]
        for hour, milliseconds in hours:
            yield ["HINCRBY", keys.milliseconds, hour_field(hour, segment.label), milliseconds]
