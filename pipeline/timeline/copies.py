"""Copies of whole streams: read at one moment while they are being written, and put back in one step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import msgpack

from pipeline.errors import StoreVersion
from pipeline.timeline.codec import OLDEST, VERSION, unpack_segment
from pipeline.timeline.keys import STREAMS, StreamKeys
from pipeline.timeline.store import TimelineStore
from pipeline.timeline.writes import Command, closed_writes

_COPY_LUA = (Path(__file__).parent / "copy.lua").read_text()
_RESTORE_LUA = (Path(__file__).parent / "restore.lua").read_text()
_AT_ONCE = 500  # values in one command
_PACKED_BYTES = 4 << 20
_OWNER = b"owner"
_SHAPES = {"string": 1, "hash": 2, "set": 1, "zset": 2, "stream": 2, "segments": 1}
"""Of how many values a piece of each kind of key consists: a field and its value, a member and its score, …"""


@dataclass(frozen=True, slots=True)
class StreamCopy:
    """A stream at one moment.

    Attributes:
        keys: by the last part of the key's name, its kind and its pieces in order: `("hash", ((field, value), …))`.
            Nobody owns a copy: the owner's token is not part of it. Nor are the indexes by start.
        wish: what is wished of the stream, as the board keeps it; None where nothing is.
    """

    stream: str
    keys: Mapping[str, tuple[str, tuple[tuple[Any, ...], ...]]]
    wish: bytes | None = field(default=None, repr=False)

    @property
    def labels(self) -> frozenset[str]:
        """The labels of its segments."""
        _, members = self.keys.get("labels", ("set", ()))
        return frozenset(member.decode() for (member,) in members)


def copy(store: TimelineStore, stream: str) -> StreamCopy | None:
    """Return a copy of the stream and of what is wished of it; None if there is neither."""
    keys = StreamKeys(stream)
    names = sorted(set(keys.everything(frozenset())) - {keys.segments})
    with store.border():
        wish, segments, *contents = store.client.register_script(_COPY_LUA)([keys.wish, keys.segments, *names])
    there = {
        name.removeprefix(_prefix(keys)): (kind.decode(), _pieces(kind.decode(), content))
        for name, (kind, content) in zip(names, contents, strict=True)
        if kind != b"none"
    }
    if segments:
        there["segments"] = ("segments", tuple((packed,) for packed in sorted(segments)))
    return StreamCopy(stream, there, wish) if there or wish else None


def restore(store: TimelineStore, copied: StreamCopy, replace: bool = False) -> bool:
    """Write a copy's timeline, all or nothing; False if the stream is there and `replace` is not set.

    Whoever owns a stream that is replaced can write it no more. What is wished of it is left to the board.
    """
    if not copied.keys:
        return True
    keys, answer = StreamKeys(copied.stream), None
    arguments = list(_packed(_commands(keys, copied)))
    with store.border():
        # Before the stream itself: an index entry too many is skipped, a missing one would hide the stream.
        store.client.sadd(STREAMS, copied.stream)
        script = store.client.register_script(_RESTORE_LUA)
        while answer is None:
            labels = _labels(store, keys)
            others = set(keys.everything(labels | copied.labels)) - {keys.labels, keys.meta}
            names = [keys.labels, keys.meta, *sorted(others)]
            answer = script(names, [len(labels), int(replace), *arguments])
    return bool(answer)


def pack(copied: StreamCopy) -> bytes:
    """Return a copy as bytes: msgpack, equal for equal copies."""
    keys = {name: [kind, pieces] for name, (kind, pieces) in sorted(copied.keys.items())}
    packed: bytes = msgpack.packb([VERSION, copied.stream, keys, copied.wish])
    return packed


def unpack(data: bytes) -> StreamCopy:
    """Return the copy packed in `data`.

    Raises:
        StoreVersion: it holds values of another version.
        ValueError: it is no copy, or one of what no stream has.
    """
    try:
        version, stream, keys, wish = msgpack.unpackb(data)
        if version not in range(OLDEST, VERSION + 1):
            raise StoreVersion(f"it holds values of version {version}, this longtake reads {OLDEST} to {VERSION}")
        copied = StreamCopy(stream, {name: (kind, _tuples(pieces)) for name, (kind, pieces) in keys.items()}, wish)
        _check(copied)
    except (TypeError, AttributeError, LookupError, msgpack.UnpackException) as error:
        raise ValueError("it is no copy of a stream") from error
    return copied


def _check(copied: StreamCopy) -> None:
    """Refuse what no stream has, lest it be written into a store."""
    if set(copied.stream) & set("{}") or not copied.stream:
        raise ValueError("it is of no stream")
    keys = StreamKeys(copied.stream)
    unknown = {_prefix(keys) + name for name in copied.keys} - set(keys.everything(frozenset()))
    odd = [name for name, (kind, pieces) in copied.keys.items() if any(len(one) != _SHAPES[kind] for one in pieces)]
    if unknown or odd or not isinstance(copied.wish, bytes | None):
        raise ValueError(f"it holds what no stream has: {', '.join(sorted(unknown | set(odd))) or 'a wish'}")


def _prefix(keys: StreamKeys) -> str:
    """What the names of all keys of the stream begin with."""
    return keys.meta.removesuffix("meta")


def _tuples(pieces: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(piece) for piece in pieces)


def _labels(store: TimelineStore, keys: StreamKeys) -> frozenset[str]:
    return frozenset(label.decode() for label in store.client.smembers(keys.labels))


def _pieces(kind: str, content: Any) -> tuple[tuple[Any, ...], ...]:
    """What the server returned, in an order that does not depend on it."""
    if kind == "string":
        return ((content,),)
    if kind == "stream":
        return tuple((id_, tuple(fields)) for id_, fields in content)
    if kind == "set":
        return tuple((member,) for member in sorted(content))
    pairs = tuple(zip(content[::2], content[1::2], strict=True))
    return tuple(sorted(pair for pair in pairs if pair[0] != _OWNER)) if kind == "hash" else pairs


def _commands(keys: StreamKeys, copied: StreamCopy) -> Iterator[Command]:
    """What writes the copy where nothing is."""
    for name, (kind, pieces) in copied.keys.items():
        key = _prefix(keys) + name
        if kind == "segments":
            yield from _segments(keys, pieces)
        elif kind == "string":
            yield ["SET", key, *pieces[0]]
        elif kind == "stream":
            yield from (["XADD", key, id_, *fields] for id_, fields in pieces)
        elif kind == "zset":
            yield from _chunked("ZADD", key, ((score, member) for member, score in pieces))
        else:
            yield from _chunked({"hash": "HSET", "set": "SADD"}[kind], key, pieces)


def _segments(keys: StreamKeys, pieces: Sequence[tuple[bytes]]) -> Iterator[Command]:
    """Their hash and, by label, their indexes."""
    for at in range(0, len(pieces), _AT_ONCE):
        yield from closed_writes(keys, [unpack_segment(packed, "") for (packed,) in pieces[at : at + _AT_ONCE]])


def _chunked(command: str, key: str, pieces: Iterable[tuple[Any, ...]]) -> Iterator[Command]:
    waiting = list(pieces)
    for at in range(0, len(waiting), _AT_ONCE):
        yield [command, key, *chain.from_iterable(waiting[at : at + _AT_ONCE])]


def _packed(commands: Iterable[Command]) -> Iterator[bytes]:
    """Lists of commands of a few megabytes: no argument of a script may be too long."""
    waiting: list[bytes] = []
    size = 0
    for command in commands:
        # The old raw type for text and bytes alike: the unpacker inside Redis 6 knows no other.
        waiting.append(msgpack.packb(command, use_bin_type=False))
        size += len(waiting[-1])
        if size >= _PACKED_BYTES:
            yield _list_of(waiting)
            waiting, size = [], 0
    if waiting:
        yield _list_of(waiting)


def _list_of(packed: list[bytes]) -> bytes:
    head: bytes = msgpack.Packer().pack_array_header(len(packed))
    return head + b"".join(packed)
