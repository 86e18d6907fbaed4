"""A timeline as one Arrow table, as CSV and as Parquet; values as in the JSON document."""

import io
import json
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipeline.timeline.document import as_document
from pipeline.values import Timeline

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


def to_csv(timeline: Timeline) -> str:
    """Return the table as CSV with a header; what is null is an empty field."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(to_arrow(timeline), sink)
    return sink.getvalue().decode()


def to_parquet(timeline: Timeline) -> bytes:
    """Return the table, with the metadata of `to_arrow`, as a Parquet file."""
    sink = io.BytesIO()
    pyarrow.parquet.write_table(to_arrow(timeline), sink)
    return sink.getvalue()
