"""The timeline store: streams, their owners, their commits, and what readers ask."""

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import msgpack

from pipeline.clock import Clock, SystemClock
from pipeline.errors import Fenced, StoreBehind, StoreDown, redact
from pipeline.timeline import reads, walks
from pipeline.timeline.border import border
from pipeline.timeline.clients import PASSWORD_FILE, connect
from pipeline.timeline.codec import unpack_checkpoint
from pipeline.timeline.embedded import EmbeddedServer
from pipeline.timeline.keys import STREAMS, StreamKeys
from pipeline.timeline.overview import Overview, overview
from pipeline.timeline.pages import Page, Position, Question
from pipeline.timeline.records import Aggregate, Event, Lease, ServerInfo, StoreSettings, StreamInfo, StreamState
from pipeline.timeline.server import check_server, server_info
from pipeline.timeline.writes import Command, commit_writes, reset_writes, state_writes
from pipeline.values import Checkpoint, Commit, Scores, Segment, Timeline, WhoseClock

if TYPE_CHECKING:
    from pipeline.archive.archive import Archive  # loads pyarrow

_CLAIM_LUA = (Path(__file__).parent / "claim.lua").read_text()
_COMMIT_LUA = (Path(__file__).parent / "commit.lua").read_text()


class TimelineStore:
    """Timelines of many streams in one Redis server; safe to share between threads, a context manager.

    Every method may raise `StoreDown`, `StoreFull` or another `StoreError`. After `StoreDown` the same call may be made
    again on the same store: connections come back by themselves, and an embedded server that was killed is started.
    """

    def __init__(
        self,
        client: Any,
        server: str,
        embedded: EmbeddedServer | None = None,
        settings: StoreSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._server = server
        self._embedded = embedded
        self._settings = settings or StoreSettings()
        self._clock = clock or SystemClock()
        self._fenced = client.register_script(_COMMIT_LUA)
        self._claim = client.register_script(_CLAIM_LUA)

    @classmethod
    def open(cls, url: str | None, home: Path, settings: StoreSettings | None = None) -> "TimelineStore":
        """Open the store at `url` (see `urls.py`), or the embedded one under `home`/store.

        A password that the URL lacks is read from the file that `LONGTAKE_STORE_PASSWORD_FILE` names on this machine.

        Raises:
            UsageError: `url` is not one of a store, or that file cannot be read.
            StoreDown: no server there, a wrong password, or the embedded one cannot be started.
            StoreVersion: Redis older than 6.0, or data of another schema.
        """
        settings = settings or StoreSettings()
        embedded = EmbeddedServer(home / "store") if url is None else None
        server = redact(url) if url is not None else str(home / "store")
        secret = os.environ.get(PASSWORD_FILE)
        with border(server):
            if embedded:
                client: Any = embedded.join(settings.timeout_s)
            else:
                client = connect(url or "", settings.timeout_s, Path(secret) if secret else None)
            store = cls(client, server, embedded, settings)
            try:
                check_server(client, server)
            except BaseException:
                store.close()
                raise
        return store

    def __enter__(self) -> "TimelineStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the last one to close an embedded store ends its server."""
        with border(self._server):
            if self._embedded is None:
                self._client.close()
            else:
                self._embedded.leave(self._client)

    def claim(self, stream: str, source: str, model: str, labels: frozenset[str]) -> Lease:
        """Take the stream over: whoever owned it before is refused from now on.

        Args:
            stream: name, without braces.
            source: URI it is read from; stored redacted.
            model: fingerprint of the model that will answer.
            labels: the labels that model knows.
        """
        keys, token = StreamKeys(stream), secrets.token_hex(16)
        with self.border():
            # Before the stream itself: an index entry too many is skipped, a missing one would hide the stream.
            self._client.sadd(STREAMS, stream)
            arguments = [token, redact(source), model, repr(self._clock.wall_s()), *sorted(labels)]
            known, packed = self._claim([keys.meta, keys.labels, keys.checkpoint], arguments)
        checkpoint = None if packed is None else unpack_checkpoint(packed)
        return Lease(stream, token, frozenset(label.decode() for label in known), checkpoint)

    def widen(self, lease: Lease, labels: frozenset[str]) -> Lease:
        """Let the stream's segments have these labels too; return the lease that allows it."""
        self._write(lease, [["SADD", StreamKeys(lease.stream).labels, *sorted(labels)]])
        return replace(lease, labels=lease.labels | labels)

    def checkpoint(self, lease: Lease) -> Checkpoint | None:
        """Return the stored checkpoint; after a server's crash it may lie before the last commit.

        Raises:
            Fenced: somebody else has claimed the stream.
        """
        keys = StreamKeys(lease.stream)
        # An owner that was replaced never comes back: who owns the stream now owned it when the checkpoint was read.
        with self.border(), self._client.pipeline(transaction=False) as pipe:
            packed, owner = pipe.get(keys.checkpoint).hget(keys.meta, "owner").execute()
        if owner != lease.token.encode():
            raise _not_owner(lease)
        return None if packed is None else unpack_checkpoint(packed)

    def commit(self, lease: Lease, commit: Commit) -> Literal["ok", "repeated"]:
        """Write all of `commit` or nothing; `repeated` says that it was the last one written already.

        Its first step must follow the stored (epoch, step): (epoch, step + 1) or (epoch + 1, 0). A commit that covers
        no step has `last_step == first_step - 1`.

        Raises:
            Fenced: somebody else has claimed the stream, or it is ahead of these steps.
            StoreBehind: the store does not have the steps before these; after a server's crash it may have lost them.
        """
        assert commit.stream == lease.stream, (commit.stream, lease.stream)
        assert commit.last_step >= commit.first_step - 1 >= -1, (commit.first_step, commit.last_step)
        unknown = {segment.label for segment in (*commit.still_open, *commit.closed)} - lease.labels
        assert not unknown, f"labels the stream was not claimed with: {sorted(unknown)}"
        writes = commit_writes(commit, self._settings)
        answer, *stored = self._write(lease, writes, commit.epoch, commit.first_step)
        if answer == b"step":
            begin, at = (commit.epoch, commit.first_step), (int(stored[0]), int(stored[1]))
            sentence = f"the commit of {lease.stream!r} begins at {begin}, but the stored timeline stands at {at}"
            raise StoreBehind(sentence) if at < begin else Fenced(sentence)
        return "repeated" if answer == b"repeated" else "ok"

    def digest(self, commit: Commit) -> bytes:
        """By what a repeated commit is recognised."""
        return _digest(_packed(commit_writes(commit, self._settings)))

    def last_digest(self, lease: Lease) -> bytes | None:
        """The digest of the last commit the store has of the lease's stream, or None."""
        with self.border():
            digest: bytes | None = self._client.hget(StreamKeys(lease.stream).meta, "digest")
        return digest

    def set_state(self, lease: Lease, state: StreamState, error: str = "", clock: WhoseClock | None = None) -> None:
        """Say how the stream is doing; `error` is kept redacted. A commit whose checkpoint is finished says `ended`.

        Args:
            clock: whose time a live stream goes by, where that is known now.
        """
        writes = state_writes(lease.stream, state, redact(error), self._settings)
        if clock is not None:
            writes.append(["HSET", StreamKeys(lease.stream).meta, "clock", clock])
        self._write(lease, writes)

    def reset(self, lease: Lease) -> None:
        """Delete the stream's timeline and checkpoint but keep owning it: the next commit begins at (0, 0).

        What was archived of it is forgotten too; its files stay where they are until the stream is removed.
        """
        forget: Command = ["HDEL", StreamKeys(lease.stream).meta, "archived_until", "archived", "archive"]
        self._write(lease, [*reset_writes(lease.stream, lease.labels), forget])

    def _write(self, lease: Lease, writes: list[Command], *first: int) -> list[bytes]:
        packed = _packed(writes)
        keys = dict.fromkeys([StreamKeys(lease.stream).meta, *(str(command[1]) for command in writes)])
        arguments: list[Any] = [lease.token, repr(self._clock.wall_s()), packed]
        if first:
            arguments += [_digest(packed), *first]
        with self.border():
            answer: list[bytes] = self._fenced(list(keys), arguments)
        if answer[0] == b"owner":
            raise _not_owner(lease)
        return answer

    def remove(self, stream: str) -> None:
        """Delete everything about the stream, its archived part too; a lane that still writes it is refused.

        Raises:
            UsageError: there is no such stream, or part of it is in an archive that is neither given nor known.
            ArchiveError: the archive cannot be reached; one that was not given is not there.
        """
        with self.border():
            labels = reads.labels_of(self._client, stream)
            archive = reads.archive_of(self._client, stream, self._settings.archive)
            if self._settings.archive is None:  # where nobody named it, it may be another machine's folder
                reads.require_archive(self._client, stream, None)
            self._client.unlink(*StreamKeys(stream).everything(labels))
            self._client.srem(STREAMS, stream)
        if archive is not None:
            archive.remove(stream)  # nobody lists its files any more

    def require_archive(self, stream: str) -> None:
        """Make sure that the archived part of a stream is within reach, before work whose answer shows it.

        Raises:
            UsageError: it is in an archive that is neither given nor known.
            ArchiveError: it cannot be reached, or is not there.
        """
        with self.border():
            reads.require_archive(self._client, stream, self._settings.archive)

    def archive_of(self, stream: str) -> "Archive | None":
        """Return the archive that holds a part of the stream, or None where nothing of it is archived.

        Raises:
            UsageError: it is neither given nor known.
        """
        with self.border():
            return reads.archive_of(self._client, stream, self._settings.archive)

    def names(self) -> list[str]:
        """Return the names of all streams, sorted."""
        with self.border():
            return reads.stream_names(self._client)

    def streams(self) -> list[StreamInfo]:
        """Return all streams by name."""
        with self.border():
            return reads.streams(self._client)

    def timeline(
        self,
        stream: str,
        since: float | None = None,
        until: float | None = None,
        label: str | None = None,
        min_score: float | None = None,
    ) -> Timeline:
        """Return what overlaps [`since`, `until`): segments and gaps by start, growing ones included.

        An open segment overlaps everything from its start on. O(log n + k) for k answers out of n.

        Raises:
            UsageError: no such stream or label, an empty range, or one that reaches into an archive that is neither
                given nor known.
            ArchiveError: the archived part cannot be read.
        """
        with self.border():
            span = reads.Span.of(since, until)
            found = reads.timeline(self._client, stream, span, label, self._settings.archive)
        return reads.at_least(found, min_score)

    def page(self, question: Question, limit: int, after: Position | None = None, newest_first: bool = False) -> Page:
        """Return up to `limit` segments and gaps by position, those after `after`: an answer page by page.

        The pages of a store in which nothing changes are the whole answer, each item once. While streams grow, what has
        started keeps its place: a segment that closes between two pages, or a gap that grows, is shown once, as it was
        when its page was read. What starts meanwhile comes on a later page, or on none where the newest come first; nor
        does what starts before a place that has been passed. Of one stream, a page of up to 1000 items is one look,
        unless `min_score` leaves many out.

        O(streams · labels · log n + items) as long as few are left out by `min_score`.

        Raises:
            UsageError: it reaches into an archive that is neither given nor known.
            ArchiveError: the archived part cannot be read.
        """
        with self.border():
            return walks.page(self._client, question, limit, after, newest_first, self._settings.archive)

    def overview(self, stream: str, since: float, until: float, bins: int) -> Overview:
        """Return which share of each bin of a range is covered by the stream's labels and by its gaps.

        Of `bins` bins that are an hour or longer, closed segments are taken from the aggregates: the cost does not
        grow with their number, a start or an end counts to the millisecond, and the bins are no more than `bins` of
        whole hours that cover the range; the answer tells where they lie.

        Raises:
            UsageError: no such stream, a range without both ends or an empty one, or one that reaches into an archive
                that is neither given nor known.
            ArchiveError: the archived part cannot be read.
        """
        with self.border():
            return overview(self._client, stream, since, until, bins, self._settings.archive)

    def scores(self, stream: str, since: float | None = None, until: float | None = None) -> list[Scores]:
        """Return the kept scores that overlap [`since`, `until`), by start; probabilities to 1/255."""
        with self.border():
            return reads.scores(self._client, stream, reads.Span.of(since, until))

    def aggregates(self, stream: str) -> list[Aggregate]:
        """Return seconds and count by hour and label over the closed segments."""
        with self.border():
            return reads.aggregates(self._client, stream)

    def events(self, stream: str, after: str = "0", limit: int = 1000) -> list[Event]:
        """Return up to `limit` entries of the event log, oldest first, that follow the entry with id `after`."""
        with self.border():
            return reads.events(self._client, stream, after, limit)

    def open_segments(self, streams: Sequence[str]) -> list[Segment]:
        """Return the segments of these streams that are open, stream by stream; none of one that is not there."""
        with self.border():
            return reads.open_segments(self._client, streams)

    def server_info(self) -> ServerInfo:
        """Return how the server is: version, persistence, memory, how fast it answers, how its clock differs."""
        with self.border():
            return server_info(self._client, self._clock)

    @property
    def client(self) -> Any:
        """The Redis client, for what lives in the same server beside the timelines; use it within `border`."""
        return self._client

    @contextmanager
    def border(self) -> Iterator[None]:
        """Errors of the client become those of `pipeline.errors`; an embedded server that was killed is started."""
        try:
            with border(self._server):
                yield
        except StoreDown:
            if self._embedded:
                self._embedded.revive()
            raise


def _packed(writes: list[Command]) -> bytes:
    # The old raw type for text and bytes alike: the unpacker inside Redis 6 knows no other.
    packed: bytes = msgpack.packb(writes, use_bin_type=False)
    return packed


def _digest(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=16).digest()


def _not_owner(lease: Lease) -> Fenced:
    return Fenced(
        f"stream {lease.stream!r} has been claimed by another process or removed; this one must stop writing it"
    )
