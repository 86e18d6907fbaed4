"""Timelines as one table, a row for each segment or gap, in files that pandas, DuckDB and Arrow read.

Values are those of the store, bit for bit; the columns are those of the HTTP API.
"""

import io
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from pipeline.export.look import Look
from pipeline.timeline.tables import ITEMS, Table
from pipeline.values import Gap, Segment

TableFormat: TypeAlias = Literal["parquet", "arrow", "csv"]
_WRITERS: dict[TableFormat, Any] = {
    "parquet": pyarrow.parquet.ParquetWriter,
    "arrow": pa.ipc.new_file,
    "csv": pyarrow.csv.CSVWriter,
}
_SEGMENT = ("stream", "id", "label", "start", "end", "score", "peak", "model", "origin", "epoch")
_GAP = ("stream", "start", "end", "filled")


def encode(looks: Iterable[Look], format: TableFormat) -> bytes:
    """Return one file of all of them, in their order, each stream's rows by start; `arrow` is an IPC file.

    One look at a time is held as values.
    """
    sink = io.BytesIO()
    with _WRITERS[format](sink, ITEMS) as writer:
        for look in looks:
            writer.write_table(to_arrow(look.items))
    return sink.getvalue()


def to_arrow(items: Iterable[Segment | Gap]) -> Table:
    """Return segments and gaps as a table in their order; what the other kind has no use for is null."""
    return pa.Table.from_pylist([_row(item) for item in items], ITEMS)


def _row(item: Segment | Gap) -> dict[str, Any]:
    if isinstance(item, Gap):
        return {"kind": "gap", "reason": str(item.reason)} | {name: getattr(item, name) for name in _GAP}
    return {"kind": "segment"} | {name: getattr(item, name) for name in _SEGMENT}
