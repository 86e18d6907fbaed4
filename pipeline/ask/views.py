"""What SQL may ask: four views, and the tables beneath them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.archive import layout
from pipeline.archive.archive import Archive
from pipeline.archive.schema import SCHEMA as ARCHIVED_FILE
from pipeline.ask.closed import Copies
from pipeline.ask.columns import GAPS, SEGMENTS, Table, of_stream
from pipeline.ask.hourly import hours
from pipeline.ask.look import Look, looks
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore

_ARCHIVED = pa.schema([("stream", pa.string()), ("day", pa.date32()), *ARCHIVED_FILE])
_STREAMS = pa.schema(
    [
        *((name, pa.string()) for name in ("stream", "source", "model", "state", "error", "clock")),
        ("until", pa.float64()),
        ("segments", pa.int64()),
        ("updated", pa.float64()),
    ]
)

_DAY = "date '1970-01-01' + try_cast(floor(start / 86400) as integer)"


def _view(kind: str, schema: Any, shown: str) -> str:
    columns = ", ".join(f'"{name}"' for name in ("stream", *schema.names))
    return (
        f'create temp view {kind}s as select stream, {shown}, "end" - start as seconds, day from ('
        f"select {columns}, {_DAY} as day from hot_{kind}s "
        f"union all select {columns}, day from archived where kind = '{kind}')"
    )


VIEWS: dict[str, str] = {
    "segments": _view(
        "segment",
        SEGMENTS,
        'id, label, start, "end", score, peak, model, origin, epoch, "end" is null as open',
    ),
    "gaps": _view("gap", GAPS, 'start, "end", reason, filled'),
    "streams": "",
    "hours": "",
}
"""What can be asked, and the statement that makes it; nothing where it is a table as it comes from the store."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the store holds for some views.

    Attributes:
        tables: Arrow tables and data sets by the names the views know them by.
        files: the archived files among them.
    """

    tables: Mapping[str, Any]
    files: tuple[tuple[Archive, str], ...] = ()


def read(store: TimelineStore, copies: Copies, views: Set[str]) -> Found:
    """Read what some of the views show, each stream as of one moment; archived files are only listed.

    Raises:
        StoreError: the store failed, or holds what this longtake cannot read.
        UsageError: a part of a stream is in an archive that is neither given nor known.
    """
    tables: dict[str, Any] = {}
    if "streams" in views:
        tables["streams"] = pa.Table.from_pylist([_stream_row(info) for info in store.streams()], _STREAMS)
    if "hours" in views:
        tables["hours"] = hours(store, store.names())
    seen: dict[str, Look] = {}
    if "segments" in views:
        whole = copies.look()
        seen = {stream: look for stream, (look, _) in whole.items()}
        parts = [of_stream(stream, part) for stream, (look, closed) in whole.items() for part in (closed, look.open)]
        tables["hot_segments"] = _joined(parts, SEGMENTS)
    if "gaps" in views:
        seen = seen or looks(store, dict.fromkeys(store.names(), ""))
        tables["hot_gaps"] = _joined([of_stream(stream, look.gaps) for stream, look in seen.items()], GAPS)
    files = _files(store, seen)
    if views & {"segments", "gaps"}:
        tables["archived"] = _data_set(files)
    return Found(tables, tuple((file.archive, file.path) for file in files))


def _joined(tables: Iterable[Table], schema: Any) -> Table:
    return pa.concat_tables([of_stream("", schema.empty_table()), *tables])


@dataclass(frozen=True, slots=True)
class _File:
    """An archived file, and the second at which all it holds has ended."""

    archive: Archive
    stream: str
    path: str
    end_s: float

    def fragment(self) -> Any:
        day, start, end = layout.date_of(self.path), ds.field("start"), ds.field("end")
        within = (start >= layout.begins_s(self.path)) & (start < self.end_s) & (end <= self.end_s)
        return self.archive.fragment(self.path, (ds.field("stream") == self.stream) & (ds.field("day") == day) & within)


def _files(store: TimelineStore, seen: Mapping[str, Look]) -> list[_File]:
    archives = {stream: store.archive_of(stream) for stream, look in seen.items() if look.files}
    return [
        _File(archive, stream, path, end_s)
        for stream, archive in archives.items()
        if archive is not None  # else the stream has been removed since the look
        for path, end_s in seen[stream].files
    ]


def _data_set(files: Sequence[_File]) -> Any:
    if not files:
        return _ARCHIVED.empty_table()
    return ds.FileSystemDataset([file.fragment() for file in files], _ARCHIVED, ds.ParquetFileFormat())


def _stream_row(info: StreamInfo) -> dict[str, Any]:
    told = {name: getattr(info, name) for name in ("source", "model", "state", "error", "clock", "segments")}
    return told | {"stream": info.name, "until": info.until_s, "updated": info.updated_s}
