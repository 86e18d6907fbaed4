"""What live clients are told, as server-sent events."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from longtake.api.positions import pack
from pipeline.control.tokens import matches
from pipeline.timeline.document import item_document
from pipeline.timeline.records import Event
from pipeline.values import Gap, Segment

HEARTBEAT = b":\n\n"
"""A comment: proxies keep the connection, and a client knows that it is there."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What one client wants to be told, of what it may know.

    Attributes:
        allowed: patterns of the streams it may know of.
        streams: patterns of those it wants; empty: all.
        labels: of the segments it wants; None: all.
    """

    allowed: tuple[str, ...]
    streams: tuple[str, ...] = ()
    labels: frozenset[str] | None = None

    def wants(self, message: "Message") -> bool:
        """Tell whether a message is for this client; gaps and states have no label, and come with any."""
        if self.labels is not None and message.label is not None and message.label not in self.labels:
            return False
        return self.wants_stream(message.stream)

    def wants_stream(self, stream: str) -> bool:
        """Tell whether anything of a stream is for this client."""
        return matches(stream, self.allowed) and (not self.streams or matches(stream, self.streams))


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event, and whom it may concern.

    Attributes:
        label: of a segment, else None.
        segment: id of the segment it tells of, else empty.
        final: the segment is closed.
    """

    stream: str
    content: bytes = field(repr=False)
    label: str | None = None
    segment: str = ""
    final: bool = False

    @property
    def about(self) -> tuple[str, str]:
        """Which segment it tells of."""
        return self.stream, self.segment


def told(news: Iterable[tuple[str, Event]], at: dict[str, str]) -> Iterator[Message]:
    """Yield what the event logs tell of segments and gaps, and move the positions `at` along.

    Each carries the vector of where its receiver stands after it. States are told with all that is known of a stream.
    """
    for stream, event in news:
        at[stream] = event.id
        value = event.value
        if isinstance(value, Segment):
            content = sse("segment", {"change": event.kind, **item_document(value)}, pack(at))
            yield Message(stream, content, value.label, value.id, event.kind == "closed")
        elif isinstance(value, Gap):
            yield Message(stream, sse("gap", item_document(value), pack(at)))


def updated(segment: Segment) -> Message:
    """An open segment has grown; nobody need be told so twice, so it has no id."""
    content = sse("segment", {"change": "updated", **item_document(segment)})
    return Message(segment.stream, content, segment.label, segment.id)


def of_stream(name: str, document: Mapping[str, Any] | None) -> Message:
    """What is known of a stream has changed; None: it was removed."""
    if document is None:
        return Message(name, sse("stream", {"change": "removed", "name": name}))
    return Message(name, sse("stream", {"change": "changed", **document}))


def ready(resumed: bool, position: str) -> bytes:
    """From here on nothing is missed; `resumed`: nor was anything since the client's last event."""
    return sse("ready", {"resumed": resumed}, position)


def sse(event: str, data: Mapping[str, Any], id_: str = "") -> bytes:
    """Return one event; JSON has no line breaks in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {event}\ndata: {text}\n\n".encode(errors="replace")
