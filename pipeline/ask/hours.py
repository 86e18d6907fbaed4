"""The hourly aggregates of a stream, those of a range alone where there are many more."""

import math
from pathlib import Path

import msgpack

from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.reads import Span, labels_of
from pipeline.timeline.store import TimelineStore

HOUR_S = 3600

_HOURS_LUA = (Path(__file__).parent / "hours.lua").read_text()


def totals_of(store: TimelineStore, stream: str, span: Span) -> dict[tuple[int, str], tuple[int, int]]:
    """Return milliseconds and count by hour and label, as of one moment; at least of the hours the range reaches into.

    Raises:
        NotThere: no such stream.
    """
    keys = StreamKeys(stream)
    with store.border():
        packed = store.client.eval(_HOURS_LUA, 3, keys.labels, keys.milliseconds, keys.counts, *_hours(span))
        if packed is None:
            labels_of(store.client, stream)  # says which streams there are
            return {}
    milliseconds, counted = msgpack.unpackb(packed)
    counts = dict(zip(counted[::2], counted[1::2], strict=True))
    found = {}
    for field, total in zip(milliseconds[::2], milliseconds[1::2], strict=True):
        hour, _, label = field.partition(":")
        found[int(hour), label] = int(total), int(counts.get(field, 0))
    return found


def _hours(span: Span) -> list[int]:
    """The first hour and how many there are; nothing where the range has no end."""
    if not (math.isfinite(span.since) and math.isfinite(span.until)):
        return []
    first = math.floor(span.since / HOUR_S)
    return [first, math.ceil(span.until / HOUR_S) - first]
