"""Closed segments in columns, kept on this machine: they never change, so only what is new is read from the store."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from pipeline.ask.columns import SEGMENTS, Table, unique_by_id
from pipeline.ask.look import Look, looks, scan
from pipeline.errors import StoreError
from pipeline.timeline.store import TimelineStore

_EVENT, _ARCHIVED = b"longtake.event", b"longtake.archived"
_SUFFIX = ".1.arrow"  # the number is the version of what a file holds
_NEW_SHARE = 1 / 8  # of a copy, that is read from the log again and again before the file is written anew
_PIECES = 16  # a copy may be in
_TRIES = 20  # to read a stream while it is being moved to the archive


@dataclass(frozen=True, slots=True)
class Copy:
    """The closed segments that Redis held of a stream at one moment.

    Attributes:
        event: id of the newest entry of the stream's event log then; empty before the first.
        archived: how many segments had been moved to the archive then.
    """

    table: Table
    event: str
    archived: int


NOTHING = Copy(SEGMENTS.empty_table(), "", 0)


class Copies:
    """Copies of the streams of one store, in memory and in a folder; safe to share between processes, not threads.

    What was closed since a copy was made is in the stream's event log. A copy is used if the log still has the event it
    ends with, nothing has been archived since, and copy and news are as many as Redis holds; after a move, a backfill,
    a fresh start or a restored backup they are not, and the stream is read again. Files that are lost, damaged or
    cannot be written cost time, nothing else.

    Args:
        folder: belongs to this store alone; made when it is needed.
    """

    def __init__(self, store: TimelineStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._copies: dict[str, Copy] = {}
        self._kept: dict[str, int] = {}  # how many segments the stream's file holds

    def look(self) -> dict[str, tuple[Look, Table]]:
        """Return, by stream, a look and all closed segments of that same moment.

        Raises:
            StoreError: the store failed, or holds what this longtake cannot read.
        """
        names = self._store.names()
        for name in set(names) - set(self._copies):
            self._copies[name] = self._read(name)
        seen = looks(self._store, {name: self._copies[name].event for name in names})
        settled = {name: self._settled(name, look) for name, look in seen.items()}
        self._forget(set(self._copies) - set(names))
        return {name: found for name, found in settled.items() if found is not None}

    def _settled(self, stream: str, look: Look | None) -> tuple[Look, Table] | None:
        """The look, or a later one, with the copy it completes; None where the stream has been removed."""
        copy = self._copies[stream]
        for _ in range(_TRIES):
            if look is None:
                return None
            grown = _grown(copy, look)
            if grown is not None:
                self._copies[stream] = grown
                self._keep(stream, grown)
                return look, grown.table
            self._kept.pop(stream, None)
            copy = Copy(scan(self._store, stream), look.event, look.archived)
            look = looks(self._store, {stream: copy.event}).get(stream)
        raise StoreError(f"stream {stream!r} has been changed during each of {_TRIES} attempts to read it; ask again")

    def _forget(self, streams: Iterable[str]) -> None:
        """Delete what belongs to streams that are gone."""
        for stream in streams:
            del self._copies[stream]
        with suppress(OSError):
            there = {self._path(name) for name in self._copies}
            for path in set(self._folder.glob(f"*{_SUFFIX}")) - there:
                path.unlink(missing_ok=True)

    def _read(self, stream: str) -> Copy:
        try:
            with pa.memory_map(str(self._path(stream))) as source:
                table = pa.ipc.open_file(source).read_all()
            metadata = table.schema.metadata or {}
            copy = Copy(table.replace_schema_metadata(), metadata[_EVENT].decode(), int(metadata[_ARCHIVED]))
        except (OSError, pa.ArrowException, LookupError, ValueError):
            return NOTHING
        if table.schema != SEGMENTS:
            return NOTHING
        self._kept[stream] = len(table)
        return copy

    def _keep(self, stream: str, copy: Copy) -> None:
        """Write the copy once enough of it is new; whole or not at all."""
        if len(copy.table) - self._kept.get(stream, 0) <= len(copy.table) * _NEW_SHARE:
            return
        path = self._path(stream)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        told = {_EVENT: copy.event, _ARCHIVED: str(copy.archived)}
        table = copy.table.unify_dictionaries().combine_chunks().replace_schema_metadata(told)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with pa.ipc.new_file(str(part), table.schema) as writer:
                writer.write_table(table)
            part.replace(path)
            self._kept[stream] = len(table)

    def _path(self, stream: str) -> Path:
        return self._folder / f"{hashlib.blake2b(stream.encode(), digest_size=16).hexdigest()}{_SUFFIX}"


def _grown(copy: Copy, look: Look) -> Copy | None:
    """The copy and what is new, if that is all; a scan may have seen what the log tells, and some segments twice."""
    if not look.known or look.archived != copy.archived:
        return None
    table = pa.concat_tables([copy.table, look.closed]) if len(look.closed) else copy.table
    if len(table) != look.segments:
        table = unique_by_id(table)
    if table["id"].num_chunks > _PIECES:
        table = table.combine_chunks()
    return Copy(table, look.event, look.archived) if len(table) == look.segments else None
