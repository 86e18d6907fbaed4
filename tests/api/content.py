"""A store whose content is known: what the tests of the API ask about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.models.card import ZOO, load_card
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, GapReason, Scores, Segment, WhoseClock

CARD = load_card(ZOO / "longtake-small")
STRANGE = ('<script>alert("1")</script>', "a,b", "🙂 it's", "x" * 200)
DOOR_SOURCE = "rtsp://user:hunter2@camera/1"


@dataclass(frozen=True)
class Watched:
    """What one stream has seen; `(label, start, end, score)` and `(start, end)`."""

    stream: str
    source: str
    segments: Sequence[tuple[str, float, float | None, float]] = ()
    gaps: Sequence[tuple[float, float]] = ()
    until_s: float = 0.0
    clock: WhoseClock | None = None
    finished: bool = False
    steps: int = 0
    step_s: float = 0.8


STREAMS = (
    Watched(
        "door",
        DOOR_SOURCE,
        (
            ("walk", 100.0, 110.0, 0.9),
            ("fall", 150.0, 152.5, 0.95),
            ("walk", 200.0, 230.0, 0.6),
            ("sit", 300.0, None, 0.7),
        ),
        ((110.0, 120.0),),
        until_s=320.0,
        clock="camera",
        steps=400,
    ),
    Watched(
        "dock-1", "/films/dock-1.mp4", (("fall", 10.0, 12.0, 0.8), ("walk", 20.0, 30.0, 0.5)), (), 60.0, None, True
    ),
    Watched("dock-2", "/films/dock-2.mp4", [(label, 5.0 * n, 5.0 * n + 4, 0.5) for n, label in enumerate(STRANGE)]),
)
ITEMS = sum(len(one.segments) + len(one.gaps) for one in STREAMS)


def fill(store: TimelineStore, streams: Sequence[Watched] = STREAMS) -> None:
    """Commit all of it."""
    for watched in streams:
        write(store, watched)


def write(store: TimelineStore, watched: Watched) -> None:
    """Commit what one stream has seen, in one step."""
    labels = frozenset(CARD.labels) | {label for label, *_ in watched.segments}
    lease = store.claim(watched.stream, watched.source, CARD.fingerprint, labels)
    commit = commit_of(watched)
    store.commit(lease, commit)
    if not watched.finished:
        store.set_state(lease, "running", clock=watched.clock)


def commit_of(watched: Watched) -> Commit:
    segments = [segment_of(watched.stream, *one) for one in watched.segments]
    rows = np.random.default_rng(1).random((watched.steps, len(CARD.labels)), dtype=np.float32)
    scores = tuple(
        Scores(watched.stream, 0, step, step * watched.step_s, (step + 1) * watched.step_s, row)
        for step, row in enumerate(rows)
    )
    last = max(0, watched.steps - 1)
    state = np.zeros(4, np.float32)
    place = (0, last, 0.0, 0, 0.0, bytes(16), watched.until_s, watched.until_s)
    after = Checkpoint(
        watched.stream, *place, state, b"", None, "numerics", CARD.fingerprint, watched.source, watched.finished
    )
    return Commit(
        watched.stream,
        0,
        0,
        last,
        tuple(replace(one, end=None) for one in segments),
        tuple(one for one in segments if one.end is None),
        tuple(one for one in segments if one.end is not None),
        tuple(Gap(watched.stream, start, end, GapReason.CAMERA_DOWN) for start, end in watched.gaps),
        scores,
        after,
    )


def segment_of(stream: str, label: str, start: float, end: float | None, score: float) -> Segment:
    id = f"{stream}-{start:g}-{len(label)}"
    return Segment(id, stream, 0, label, start, end, score, min(1.0, score + 0.05), CARD.fingerprint)
