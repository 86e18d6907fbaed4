"""Streams as the HTTP API tells of them; `StreamDocument` says what the fields are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from longtake.api.recordings import recording_of
from longtake.known_streams import Known, known
from pipeline.timeline.document import rounded_s, rounded_score
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment


def all_documents(store: TimelineStore) -> dict[str, dict[str, Any]]:
    """Return the documents of all streams by name."""
    streams = known(store)
    return dict(zip(streams, documents(store, streams.values()), strict=True))


def documents(store: TimelineStore, streams: Iterable[Known]) -> list[dict[str, Any]]:
    """Return the documents of some streams, in their order."""
    streams = list(streams)
    by_stream = defaultdict[str, list[Segment]](list)
    for one in store.open_segments([stream.name for stream in streams]):
        by_stream[one.stream].append(one)
    return [_document(stream, by_stream[stream.name]) for stream in streams]


def _document(stream: Known, open_segments: list[Segment]) -> dict[str, Any]:
    info = stream.info
    return {
        "name": stream.name,
        "source": stream.source,
        "wanted": stream.wanted or None,
        "state": stream.state,
        "error": stream.error,
        "host": stream.host or None,
        "since": rounded_s(info.since_s) if info else None,
        "until": rounded_s(info.until_s) if info else None,
        "lag": None if stream.lag_s is None else rounded_s(stream.lag_s),
        "segments": info.segments if info else 0,
        "updated": rounded_s(info.updated_s) if info else None,
        "model": info.model if info else None,
        "clock": info.clock or None if info else None,
        "recording": stream.recording,
        "retry": None if stream.retry_s is None else rounded_s(stream.retry_s),
        "open": [
            {"label": one.label, "start_time": rounded_s(one.start), "score": rounded_score(one.score)}
            for one in open_segments
        ],
        "playable": recording_of(stream) is not None,
    }
