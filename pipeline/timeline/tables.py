"""Timelines as Arrow tables: one whole, or items of several; as CSV, Parquet and an Arrow stream too.

Values are rounded as in the JSON document.
"""

import io
import json
from collections.abc import Iterable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from pipeline.timeline.document import as_document, item_document
from pipeline.values import Gap, Segment, Timeline

Table: TypeAlias = Any  # pyarrow ships no types

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # segment or gap; what the other kind has no use for is null
        pa.field("id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64()),
        pa.field("score", pa.float64()),
        pa.field("peak", pa.float64()),
        pa.field("model", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("filled", pa.bool_()),
    ]
)

ITEMS = pa.schema(
    [
        pa.field("stream", pa.string(), nullable=False),
        *SCHEMA,
        pa.field("origin", pa.string()),
        pa.field("epoch", pa.int64()),
    ]
)
"""Of segments and gaps of several streams."""


def to_arrow(timeline: Timeline) -> Table:
    """Return segments and gaps as a table by start, `end` null while open.

    The table's metadata hold `stream`, `model` and `duration` as JSON, so that Parquet files lose nothing.
    """
    document = as_document(timeline)
    metadata = {name: json.dumps(document[name]) for name in ("stream", "model", "duration")}
    rows = [{"kind": "segment", "model": timeline.model} | segment for segment in document["segments"]]
    rows += [{"kind": "gap", "filled": False} | gap for gap in document["gaps"]]
    rows.sort(key=lambda row: row["start"])
    return pa.Table.from_pylist(rows, SCHEMA.with_metadata(metadata))


def items_to_arrow(items: Iterable[Segment | Gap]) -> Table:
    """Return segments and gaps of any streams as a table, in the order given."""
    return pa.Table.from_pylist([_row(item) for item in items], ITEMS)


def to_csv(timeline: Timeline) -> str:
    """Return the table of a timeline as CSV with a header; what is null is an empty field."""
    return as_csv(to_arrow(timeline)).decode()


def to_parquet(timeline: Timeline) -> bytes:
    """Return the table of a timeline, with the metadata of `to_arrow`, as a Parquet file."""
    return as_parquet(to_arrow(timeline))


def as_csv(table: Table) -> bytes:
    """Return any table as CSV with a header."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink)
    return sink.getvalue()


def as_parquet(table: Table) -> bytes:
    """Return any table as a Parquet file."""
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def as_stream(table: Table) -> bytes:
    """Return any table as an Arrow IPC stream."""
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _row(item: Segment | Gap) -> dict[str, Any]:
    """Tables say `start` and `end`, as `longtake timeline` and SQL do."""
    row = item_document(item)
    row["start"], row["end"] = row.pop("start_time"), row.pop("end_time")
    return row
