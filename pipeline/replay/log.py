"""The lane log: what one lane was given, in order, with the pixels.

A stream's log is a folder with one file per session (a lane's life). A file is a row of records, each
`length, BLAKE2b, msgpack`, so that what a killed process left half-written is recognised. The first holds the
checkpoint the lane began with; what earlier sessions were given beyond it was never committed and does not count.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

import msgpack
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import UsageError
from pipeline.timeline.codec import pack_checkpoint, pack_gap, unpack_checkpoint, unpack_gap
from pipeline.values import Checkpoint, Clip, Gap, UInt8Array

SUFFIX = ".lanelog"
_HEAD = struct.Struct("<I8s")
_COMPRESSION = 1  # the fastest: a stream gives 0.2 MB a second
_PLAIN_FIELDS = (
    *("epoch", "step", "start_s", "end_s", "valid_frames", "discontinuity"),
    *("ordinal", "pts_s", "digest", "origin_s"),
)


class LogSettings(BaseModel):
    """Whether lanes log what they are given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = Field(default=None, description="where lanes log their clips; nothing is logged by default")
    max_bytes: int = Field(default=4 * 2**30, gt=0, description="a session's log grows no further; its lane goes on")


class LaneLog:
    """Writes one session; a context manager. Records reach the operating system before `given` returns.

    Args:
        folder: of all streams' logs.
        checkpoint: what the lane begins with.
        token: of the lane's lease; tells sessions apart.
        number: unix nanoseconds at which the session begins; sessions are ordered by it.
    """

    def __init__(self, settings: LogSettings, checkpoint: Checkpoint, token: str, number: int) -> None:
        assert settings.folder is not None
        folder = settings.folder / checkpoint.stream
        folder.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = (folder / f"{number:020d}-{token[:8]}{SUFFIX}").open("xb", buffering=0)
        self._max_bytes = settings.max_bytes
        self._last: Clip | None = None
        self.full = False
        self._write("begin", pack_checkpoint(checkpoint))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def given(self, item: Clip | Gap) -> None:
        """The lane has taken an item out of its queue."""
        if isinstance(item, Gap):
            self._write("gap", pack_gap(item))
            return
        fresh = _fresh_frames(item, self._last)
        pixels = zlib.compress(item.frames[len(item.frames) - fresh :].tobytes(), _COMPRESSION)
        plain = [getattr(item, name) for name in _PLAIN_FIELDS]
        self._write("clip", plain, list(item.frames.shape), fresh, pixels, *_packed_motion(item))
        self._last = item

    def finished(self, finished: bool) -> None:
        """The lane has closed its segments; `finished` as in its checkpoint."""
        self._write("finish", finished)

    def _write(self, *record: Any) -> None:
        packed = msgpack.packb(record)
        if self.full or self._file.tell() + len(packed) > self._max_bytes:
            self.full = True
            return
        try:
            self._file.write(_HEAD.pack(len(packed), _digest(packed)) + packed)
        except OSError:
            self.full = True  # a disk that is full ends the log, not the stream


def _packed_motion(clip: Clip) -> list[Any]:
    """Its shape and values, or nothing; that of two clips overlaps little."""
    if clip.motion is None:
        return []
    return [list(clip.motion.shape), zlib.compress(clip.motion.tobytes(), _COMPRESSION)]


def _fresh_frames(clip: Clip, last: Clip | None) -> int:
    """How many of the clip's newest frames the last clip does not show; the others need not be kept twice."""
    total = len(clip.frames)
    if last is None or last.epoch != clip.epoch or last.frames.shape != clip.frames.shape:
        return total
    moved = clip.ordinal - last.ordinal
    overlaps = 0 < moved < total and np.array_equal(clip.frames[: total - moved], last.frames[moved:])
    return moved if overlaps else total


def _digest(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=8).digest()


Item: TypeAlias = Clip | Gap


@dataclass(slots=True)
class Session:
    """What one lane was given and what became of it.

    Attributes:
        checkpoint: what it began with.
        items: what it was given and a later session did not take back.
        finished: None where it just ended, else whether it closed its segments for good.
    """

    checkpoint: Checkpoint
    items: list[Item] = field(default_factory=list)
    finished: bool | None = None

    def drop_after(self, checkpoint: Checkpoint) -> None:
        """Forget what was given but never committed."""
        place = (checkpoint.epoch, checkpoint.step)
        kept = [item for item in self.items if _committed(item, place, checkpoint.until_s)]
        if len(kept) < len(self.items):
            self.items, self.finished = kept, None


def _committed(item: Item, place: tuple[int, int], until_s: float) -> bool:
    return (item.epoch, item.step) <= place if isinstance(item, Clip) else item.end <= until_s


def read_log(folder: Path) -> list[Session]:
    """Read a stream's log: its sessions in order, without what was never committed.

    Raises:
        UsageError: the folder holds no log.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    sessions: list[Session] = []
    for file in files:
        session = _session(file)
        if session is None:
            continue
        for earlier in sessions:
            earlier.drop_after(session.checkpoint)
        sessions.append(session)
    if not sessions:
        raise UsageError(f"{folder} holds no lane log; give the folder of one stream, with files *{SUFFIX} in it")
    return sessions


def _session(file: Path) -> Session | None:
    records = _records(file)
    begin = next(records, None)
    if begin is None:
        return None
    session = Session(unpack_checkpoint(begin[1]))
    window: UInt8Array | None = None
    for kind, *values in records:
        if kind == "gap":
            session.items.append(unpack_gap(values[0], session.checkpoint.stream))
        elif kind == "finish":
            session.finished = values[0]
        else:
            clip = _clip(session.checkpoint.stream, values, window)
            window = clip.frames
            session.items.append(clip)
    return session


def _clip(stream: str, values: list[Any], window: UInt8Array | None) -> Clip:
    plain, shape, fresh, pixels, *moved = values
    new = np.frombuffer(zlib.decompress(pixels), np.uint8).reshape(fresh, *shape[1:])
    frames = new if fresh == shape[0] or window is None else np.concatenate([window[fresh:], new])
    motion = np.frombuffer(zlib.decompress(moved[1]), np.float16).reshape(moved[0]) if moved else None
    fields = dict(zip(_PLAIN_FIELDS, plain, strict=True))
    return Clip(stream=stream, frames=np.ascontiguousarray(frames), motion=motion, **fields)


def _records(file: Path) -> Iterator[list[Any]]:
    """Yield the whole records; a torn one ends the file."""
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        while len(head := source.read(_HEAD.size)) == _HEAD.size:
            length, digest = _HEAD.unpack(head)
            packed = source.read(length) if source.tell() + length <= size else b""
            if len(packed) < length or _digest(packed) != digest:
                return
            yield msgpack.unpackb(packed)
