"""Streams whose content is given: segments, gaps, how far they are watched."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from pipeline.export.look import Look, info_of, look
from pipeline.timeline.reads import Span
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, Scores, Segment

MODEL = "model-1"


def segment(
    stream: str, label: str, start: float, end: float | None, id: str | None = None, score: float = 0.5
) -> Segment:
    return Segment(id or f"{label}-{start:g}", stream, 0, label, start, end, score, 0.75, MODEL)


def watched(
    store: TimelineStore,
    stream: str,
    segments: Iterable[Segment] = (),
    gaps: Iterable[Gap] = (),
    *,
    from_s: float = 0.0,
    until_s: float = 100.0,
    source: str = "/films/film.mp4",
    live: bool = False,
    labels: frozenset[str] = frozenset({"walk", "run", "fall"}),
) -> Lease:
    """Claim a stream and commit all of it at once."""
    segments = [replace(one, stream=stream) for one in segments]
    lease = store.claim(stream, source, MODEL, labels)
    store.commit(lease, _commit(stream, 0, segments, tuple(gaps), from_s, until_s))
    store.set_state(lease, "running", clock="camera" if live else None)
    return lease


def seen(store: TimelineStore, stream: str, span: Span | None = None) -> Look:
    """What is exported of a stream."""
    return look(store, info_of(store, stream), span)


def more(store: TimelineStore, lease: Lease, step: int, segments: Iterable[Segment], until_s: float) -> None:
    """Commit the next step: what is open replaces what was."""
    store.commit(lease, _commit(lease.stream, step, list(segments), (), until_s, until_s))


def _commit(
    stream: str, step: int, segments: list[Segment], gaps: tuple[Gap, ...], from_s: float, until_s: float
) -> Commit:
    after = Checkpoint(
        stream=stream,
        epoch=0,
        step=step,
        origin_s=from_s,
        ordinal=step,
        pts_s=0.0,
        digest=bytes(16),
        until_s=until_s,
        answered_s=until_s,
        temporal_state=np.zeros(4, np.float32),
        segmenter_state=b"",
        pending_gap=None,
        numerics="numerics",
        model=MODEL,
        source="film.mp4",
    )
    still_open = tuple(one for one in segments if one.end is None)
    closed = tuple(one for one in segments if one.end is not None)
    scores = (Scores(stream, 0, step, from_s, from_s + 0.8, np.zeros(3, np.float32)),)
    return Commit(stream, 0, step, step, still_open, still_open, closed, gaps, scores, after)
