"""A timeline as Arrow tables, CSV and Parquet; values as in the JSON document."""

import io
import json
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipeline.timeline.document import as_document
from pipeline.values import Timeline

Table: TypeAlias = Any  # pyarrow ships no types

SEGMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64()),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("peak", pa.float64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
    ]
)
GAPS = pa.schema(
    [
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("filled", pa.bool_(), nullable=False),
    ]
)


def to_arrow(timeline: Timeline) -> Table:
    """Return the segments as a table, `end` null while open.

    The table's metadata hold `stream`, `model`, `duration` and `gaps` as JSON, so that Parquet files lose nothing.
    """
    document = as_document(timeline)
    metadata = {name: json.dumps(document[name]) for name in ("stream", "model", "duration", "gaps")}
    segments = [{"model": timeline.model} | segment for segment in document["segments"]]
    return pa.Table.from_pylist(segments, SEGMENTS.with_metadata(metadata))


def gaps_to_arrow(timeline: Timeline) -> Table:
    """Return the gaps as a table."""
    gaps = [{"filled": False} | gap for gap in as_document(timeline)["gaps"]]
    return pa.Table.from_pylist(gaps, GAPS)


def to_csv(timeline: Timeline) -> str:
    """Return the segments as CSV with a header; an open segment has an empty `end`."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(to_arrow(timeline), sink)
    return sink.getvalue().decode()


def to_parquet(timeline: Timeline) -> bytes:
    """Return the segments, with the metadata of `to_arrow`, as a Parquet file."""
    sink = io.BytesIO()
    pyarrow.parquet.write_table(to_arrow(timeline), sink)
    return sink.getvalue()
