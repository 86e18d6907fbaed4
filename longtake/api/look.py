"""What changes without an entry in an event log: how open segments grow, and what is known of streams."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from longtake.api.messages import Message, of_stream, updated
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment

Describe: TypeAlias = Callable[[], Mapping[str, Mapping[str, Any]]]
"""Tells all that is known of every stream, by name."""

_ALWAYS_MOVING = ("until", "lag", "segments", "updated", "retry", "open")
_ALL_EVERY = 5


class Look:
    """Tells what is different from the look before; the first one tells nothing.

    What always moves in a stream's document is told when something else changes, and at every fifth look.
    """

    def __init__(self, store: TimelineStore, describe: Describe) -> None:
        self._store = store
        self._describe = describe
        self._looks = 0
        self._streams: Mapping[str, Mapping[str, Any]] = {}
        self._open: dict[str, Segment] = {}

    def step(self, watched: Callable[[str], bool]) -> list[Message]:
        """Look once.

        Args:
            watched: somebody listens to a stream of this name.

        Raises:
            StoreError: the next look tells what this one could not.
        """
        streams = {name: document for name, document in self._describe().items() if watched(name)}
        segments = {one.id: one for one in self._store.open_segments(sorted(streams))}
        messages = [*self._changed(streams), *self._grown(segments)] if self._looks else []
        self._streams, self._open, self._looks = streams, segments, self._looks + 1
        return messages

    def _changed(self, streams: Mapping[str, Mapping[str, Any]]) -> list[Message]:
        shown = (lambda document: document) if self._looks % _ALL_EVERY == 0 else _steady
        gone = [of_stream(name, None) for name in self._streams if name not in streams]
        before = {name: shown(document) for name, document in self._streams.items()}
        return gone + [of_stream(name, one) for name, one in streams.items() if shown(one) != before.get(name)]

    def _grown(self, segments: Mapping[str, Segment]) -> list[Message]:
        return [updated(one) for id_, one in segments.items() if one != self._open.get(id_)]


def _steady(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in document.items() if name not in _ALWAYS_MOVING}
