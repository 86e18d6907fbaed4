"""The one binary codec of the store: msgpack with a leading version, never pickle.

Every packed value is the list `[VERSION, *fields]`; a vector is `[dtype, shape, bytes]`, so it comes back bit for bit.
What an older longtake wrote is read from version `OLDEST` on, so that an upgrade resumes every stream; what a newer one
wrote, and bytes that are no such list, raise `StoreVersion`. The stream is not packed where the key names it.
"""

import struct
from dataclasses import fields
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StoreVersion
from pipeline.values import Checkpoint, Gap, GapReason, Scores, Segment

VERSION = 4
OLDEST = 3
_ROW_BYTES_3 = struct.calcsize("<Bdqqqdddddddd")
_CHECKPOINT_FIELDS = tuple(field.name for field in fields(Checkpoint))


def pack_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return `checkpoint` as bytes."""
    values: dict[str, Any] = {name: getattr(checkpoint, name) for name in _CHECKPOINT_FIELDS}
    gap = checkpoint.pending_gap
    values["temporal_state"] = _array_fields(checkpoint.temporal_state)
    values["pending_gap"] = None if gap is None else _gap_fields(gap)
    return _pack(values)


def unpack_checkpoint(data: bytes) -> Checkpoint:
    """Return the checkpoint packed in `data`, or raise `StoreVersion`."""
    version, [values] = _unpack_versioned(data, 1)
    if version == 3 and isinstance(values, dict):
        values = _from_3(values)
    if not isinstance(values, dict) or set(values) != set(_CHECKPOINT_FIELDS):
        raise StoreVersion(
            "the stored checkpoint has other fields than this longtake knows; remove the stream and run it again"
        )
    gap = values["pending_gap"]
    values["pending_gap"] = None if gap is None else _gap(values["stream"], gap)
    values["temporal_state"] = _array(values["temporal_state"])
    return Checkpoint(**values)


def pack_segment(segment: Segment) -> bytes:
    """Return `segment` as bytes, without its stream."""
    end = None if segment.end is None else float(segment.end)
    span = (float(segment.start), end, float(segment.score), float(segment.peak))
    return _pack(segment.id, int(segment.epoch), segment.label, *span, segment.model, segment.origin)


def unpack_segment(data: bytes, stream: str) -> Segment:
    """Return the segment of `stream` packed in `data`, or raise `StoreVersion`."""
    id_, epoch, label, start, end, score, peak, model, origin = _unpack(data, 9)
    return Segment(id_, stream, epoch, label, start, end, score, peak, model, origin)


def segment_columns(packed: bytes) -> list[tuple[Any, ...]]:
    """Return the fields of packed segments that lie one behind the other, without making a `Segment` of each.

    The columns are id, epoch, label, start, end, score, peak, model and origin.
    """
    return _columns(packed, 9)


def gap_columns(packed: bytes) -> list[tuple[Any, ...]]:
    """Return the fields of packed gaps that lie one behind the other: start, end, reason and filled."""
    return _columns(packed, 4)


def unpack_span(data: bytes) -> tuple[str, float, float | None]:
    """Return label, start and end of a packed segment, or raise `StoreVersion`."""
    _, _, label, start, end, *_ = _unpack(data, 9)
    return label, start, end


def pack_gap(gap: Gap) -> bytes:
    """Return `gap` as bytes, without its stream."""
    return _pack(*_gap_fields(gap))


def unpack_gap(data: bytes, stream: str) -> Gap:
    """Return the gap of `stream` packed in `data`, or raise `StoreVersion`."""
    return _gap(stream, _unpack(data, 4))


def pack_scores(scores: Scores) -> bytes:
    """Return `scores` as bytes, without its stream, each probability as a uint8 (0…255 for 0…1)."""
    levels = np.rint(scores.probs * 255).astype(np.uint8)
    return _pack(int(scores.epoch), int(scores.step), float(scores.start_s), float(scores.end_s), levels.tobytes())


def unpack_scores(data: bytes, stream: str) -> Scores:
    """Return the scores of `stream` packed in `data` (probabilities to 1/255), or raise `StoreVersion`."""
    epoch, step, start_s, end_s, levels = _unpack(data, 5)
    probs = np.frombuffer(levels, np.uint8).astype(np.float32) / np.float32(255)
    return Scores(stream, epoch, step, start_s, end_s, probs)


def _pack(*values: object) -> bytes:
    packed: bytes = msgpack.packb([VERSION, *values])
    return packed


def _unpack(data: bytes, count: int) -> list[Any]:
    return _unpack_versioned(data, count)[1]


def _columns(packed: bytes, count: int) -> list[tuple[Any, ...]]:
    unpacker = msgpack.Unpacker(max_buffer_size=len(packed), use_list=False)
    unpacker.feed(packed)
    try:
        rows = list(unpacker)
        kinds = {(len(row), row[0]) for row in rows}
    except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
        raise _unreadable() from error
    for length, version in kinds:
        _check(length, version, count)
    return list(zip(*rows, strict=True))[1:] if rows else [()] * count


def _unpack_versioned(data: bytes, count: int) -> tuple[int, list[Any]]:
    try:
        values = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException) as error:
        raise _unreadable() from error
    version: Any = values[0] if isinstance(values, list) and values else "none"
    _check(len(values) if isinstance(values, list) else 0, version, count)
    return version, values[1:]


def _unreadable() -> StoreVersion:
    return StoreVersion("the store holds bytes this longtake cannot read; was it written by another one?")


def _check(length: int, version: Any, count: int) -> None:
    if version not in range(OLDEST, VERSION + 1) or length != count + 1:
        raise StoreVersion(
            f"the store holds values of version {version}, this longtake reads {OLDEST} to {VERSION}; "
            "use the one that wrote them"
        )


def _from_3(values: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of version 3: its segmenter state was the rows alone, without their count and the shown labels."""
    rows = values["segmenter_state"]
    header = struct.pack("<I", len(rows) // _ROW_BYTES_3) if rows else b""
    return values | {"segmenter_state": header + rows}


def _gap_fields(gap: Gap) -> list[Any]:
    return [float(gap.start), float(gap.end), str(gap.reason), bool(gap.filled)]


def _gap(stream: str, values: list[Any]) -> Gap:
    start, end, reason, filled = values
    return Gap(stream, start, end, GapReason(reason), filled)


def _array_fields(array: NDArray[Any]) -> list[Any]:
    assert array.dtype.kind in "fiu", f"only plain numbers are stored, got {array.dtype}"
    return [array.dtype.str, list(array.shape), array.tobytes()]


def _array(values: list[Any]) -> NDArray[Any]:
    dtype, shape, data = values
    # A copy, because what frombuffer returns cannot be written to.
    return np.frombuffer(data, np.dtype(dtype)).reshape(shape).copy()
