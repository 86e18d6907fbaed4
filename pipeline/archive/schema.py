"""What an archived file holds: one row per closed segment or final gap, its version in the file's metadata."""

import io
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from pipeline.archive.errors import ArchiveError
from pipeline.values import Gap, GapReason, Segment

VERSION = 1
_VERSION, _STREAM, _UNTIL = b"longtake.version", b"longtake.stream", b"longtake.until"

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # segment or gap; what the other kind has no use for is null
        pa.field("id", pa.string()),
        pa.field("epoch", pa.int64()),
        pa.field("label", pa.string()),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("peak", pa.float64()),
        pa.field("model", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("filled", pa.bool_()),
    ]
)
_SEGMENT = ("id", "epoch", "label", "start", "end", "score", "peak", "model", "origin")
_GAP = ("start", "end", "reason", "filled")


def encode(stream: str, segments: Iterable[Segment], gaps: Iterable[Gap], until_s: float) -> bytes:
    """Return a Parquet file of closed segments and final gaps; the same values give the same bytes.

    Args:
        stream: whose they are.
        segments: all closed.
        gaps: all final.
        until_s: the mark of the move that writes them, for people; every row starts before it.
    """
    rows: list[dict[str, Any]] = [{"kind": "segment"} | _fields(one, _SEGMENT) for one in segments]
    rows += [{"kind": "gap"} | _fields(one, _GAP) for one in gaps]
    rows.sort(key=lambda row: (row["start"], row["kind"], row.get("label", ""), row.get("id", "")))
    assert all(row["end"] is not None for row in rows), "only closed segments are archived"
    metadata = {_VERSION: str(VERSION), _STREAM: stream, _UNTIL: repr(until_s)}
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows, SCHEMA.with_metadata(metadata))
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def decode(data: bytes, stream: str, where: str, with_segments: bool = True) -> tuple[list[Segment], list[Gap]]:
    """Return the segments, if they are wanted, and the gaps of a file; `where` names it in errors.

    Raises:
        ArchiveError: it is damaged, of another version, or of another stream.
    """
    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        metadata = file.schema_arrow.metadata or {}
        _check(metadata, stream, where)
        table = file.read()
        rows = (table if with_segments else table.filter(pc.field("kind") == "gap")).to_pylist()
        segments = [_segment(stream, row) for row in rows if row["kind"] == "segment"]
        gaps = [_gap(stream, row) for row in rows if row["kind"] == "gap"]
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise ArchiveError(f"the archived file {where} is damaged ({type(error).__name__}); restore it") from error
    return segments, gaps


def _check(metadata: dict[bytes, bytes], stream: str, where: str) -> None:
    version = metadata.get(_VERSION, b"none").decode(errors="replace")
    if version != str(VERSION):
        raise ArchiveError(
            f"the archived file {where} has version {version}, this longtake reads {VERSION}; use the one that wrote it"
        )
    found = metadata.get(_STREAM, b"").decode(errors="replace")
    if found != stream:
        raise ArchiveError(f"the archived file {where} is of stream {found!r}, not of {stream!r}")


def _fields(value: Segment | Gap, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _segment(stream: str, row: dict[str, Any]) -> Segment:
    return Segment(stream=stream, **{name: row[name] for name in _SEGMENT})


def _gap(stream: str, row: dict[str, Any]) -> Gap:
    return Gap(stream, row["start"], row["end"], GapReason(row["reason"]), row["filled"])
