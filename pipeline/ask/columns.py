"""Values of the store in columns: Arrow tables, without an object for each value."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Table: TypeAlias = Any  # pyarrow ships no types

WORD = pa.dictionary(pa.int32(), pa.string())
"""Text that repeats."""

SEGMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("epoch", pa.int64()),
        ("label", WORD),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("score", pa.float64()),
        ("peak", pa.float64()),
        ("model", WORD),
        ("origin", WORD),
    ]
)
"""Columns of `codec.segment_columns`."""

GAPS = pa.schema([("start", pa.float64()), ("end", pa.float64()), ("reason", WORD), ("filled", pa.bool_())])
"""Columns of `codec.gap_columns`."""


def table_of(columns: Sequence[Sequence[Any]], schema: Any) -> Table:
    """Return columns as a table."""
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)


def of_stream(stream: str, table: Table) -> Table:
    """Return the table with a column `stream` before the others."""
    one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(table), np.int32)), [stream])
    return table.add_column(0, pa.field("stream", WORD), one)


def unique_by_id(table: Table) -> Table:
    """Return the first row of each id."""
    numbers = pc.dictionary_encode(table["id"].combine_chunks()).indices.to_numpy()  # in the order they are first seen
    highest_before = np.concatenate([[-1], np.maximum.accumulate(numbers)[:-1]]) if len(numbers) else numbers
    return table.filter(pa.array(numbers > highest_before))
