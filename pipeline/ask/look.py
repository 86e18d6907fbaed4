"""Whole streams read from the store as Arrow tables, each as of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.ask.columns import GAPS, SEGMENTS, Table, table_of
from pipeline.timeline.clients import evaluate
from pipeline.timeline.codec import gap_columns, segment_columns
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore

_LOOK_LUA = (Path(__file__).parent / "look.lua").read_text()
_SCAN_LUA = (Path(__file__).parent / "scan.lua").read_text()
_STREAMS = 100  # looked at in one round trip
_SEGMENTS = 5000  # scanned in one: the server serves nobody else meanwhile


@dataclass(frozen=True, slots=True)
class Look:
    """A stream at one moment.

    Attributes:
        known: whether its event log still has the event the look was asked to begin after.
        event: id of the newest event, empty where there is none.
        segments: how many closed segments Redis holds.
        archived: how many have been moved to the archive so far.
        closed: those that were closed after the event that was asked, if it is known; else empty.
        open, gaps: all of them, the growing gap included.
        files: path of each archived file that counts, and the second at which all it holds has ended.
    """

    known: bool
    event: str
    segments: int
    archived: int
    closed: Table
    open: Table
    gaps: Table
    files: tuple[tuple[str, float], ...]


def looks(store: TimelineStore, after: Mapping[str, str]) -> dict[str, Look]:
    """Look at streams, each of which is given with the event to begin after; those that are gone have no look.

    Raises:
        StoreError: the store failed, or holds what this longtake cannot read.
    """
    asked, found = list(after.items()), dict[str, Look]()
    for at in range(0, len(asked), _STREAMS):
        part = asked[at : at + _STREAMS]
        with store.border(), store.client.pipeline(transaction=False) as pipe:
            for stream, event in part:
                evaluate(pipe, _LOOK_LUA, _keys(stream), [event])
            answers = pipe.execute()
        pairs = zip(part, answers, strict=True)
        found |= {stream: _look(answer) for (stream, _), answer in pairs if answer is not None}
    return found


def scan(store: TimelineStore, stream: str) -> Table:
    """Return the closed segments of a stream, a part at a time: each that was there all the while, some twice."""
    parts, cursor = [SEGMENTS.empty_table()], "0"
    while True:
        with store.border():
            cursor, packed = store.client.eval(_SCAN_LUA, 1, StreamKeys(stream).segments, cursor, _SEGMENTS)
        parts.append(table_of(segment_columns(packed), SEGMENTS))
        if int(cursor) == 0:
            return pa.concat_tables(parts)


def _keys(stream: str) -> list[str]:
    keys = StreamKeys(stream)
    return [keys.meta, keys.open, keys.segments, keys.gaps, keys.events, keys.archive]


def _look(answer: list[Any]) -> Look:
    known, event, segments, archived, closed, opened, gaps, files = answer
    return Look(
        known=bool(known),
        event=event.decode(),
        segments=segments,
        archived=archived,
        closed=table_of(segment_columns(closed), SEGMENTS),
        open=table_of(segment_columns(opened), SEGMENTS),
        gaps=table_of(gap_columns(gaps), GAPS),
        files=tuple((path.decode(), float(end_s)) for path, end_s in zip(files[::2], files[1::2], strict=True)),
    )
