"""The hourly aggregates of all streams in columns."""

from collections.abc import Sequence
from pathlib import Path

import msgpack
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ask.columns import WORD, Table, of_stream
from pipeline.timeline.clients import evaluate
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore

_HOURS_LUA = (Path(__file__).parent / "hours.lua").read_text()
_HOURS = pa.schema([("label", WORD), ("hour", pa.int64()), ("seconds", pa.float64()), ("count", pa.int64())])


def hours(store: TimelineStore, streams: Sequence[str]) -> Table:
    """Return `stream`, `label`, `hour`, `seconds` and `count`, as `TimelineStore.aggregates` has them.

    Raises:
        StoreError: the store failed.
    """
    with store.border(), store.client.pipeline(transaction=False) as pipe:
        for stream in streams:
            keys = StreamKeys(stream)
            evaluate(pipe, _HOURS_LUA, [keys.labels, keys.milliseconds, keys.counts], [])
        answers = pipe.execute()
    there = ((stream, packed) for stream, packed in zip(streams, answers, strict=True) if packed is not None)
    tables = [of_stream(stream, _table(packed)) for stream, packed in there]
    return pa.concat_tables([of_stream("", _HOURS.empty_table()), *tables])


def _table(packed: bytes) -> Table:
    milliseconds, counted = msgpack.unpackb(packed, raw=True)
    counts = dict(zip(counted[::2], counted[1::2], strict=True))
    fields = milliseconds[::2]
    parts = pc.split_pattern(pa.array(fields, pa.string()), ":", max_splits=1)  # a label may have more of them
    columns = [
        pc.list_element(parts, 1).cast(WORD),
        pc.list_element(parts, 0).cast(pa.int64()),
        pc.divide(pa.array(map(int, milliseconds[1::2]), pa.float64()), 1000.0),
        pa.array((int(counts.get(field, 0)) for field in fields), pa.int64()),
    ]
    return pa.table(columns, _HOURS)
