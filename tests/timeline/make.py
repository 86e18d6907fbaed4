"""Small values to commit: one label a second, a segment now and then."""

from dataclasses import replace

import numpy as np

from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, GapReason, Scores, Segment

STREAM = "cam1"
LABELS = frozenset({"walk", "sit", "fall"})
STEP_S = 0.8
LEASE = Lease(STREAM, "token", LABELS, None)


def claim(store: TimelineStore, stream: str = STREAM) -> Lease:
    return store.claim(stream, "rtsp://user:secret@camera/1", "model-1", LABELS)


def checkpoint(epoch: int = 0, step: int = 0, until_s: float = 0.8, finished: bool = False) -> Checkpoint:
    state = np.random.default_rng(abs(step)).standard_normal(128).astype(np.float32)
    place = (epoch, step, 0.0, step * 4, step * STEP_S, bytes(range(16)), until_s, until_s)
    return Checkpoint(STREAM, *place, state, b"segmenter", None, "numerics", "model-1", "file.mp4", finished)


def segment(
    id: str = "s1", start: float = 0.0, end: float | None = None, label: str = "walk", score: float = 0.5
) -> Segment:
    return Segment(id, STREAM, 0, label, start, end, score, 0.75, "model-1")


def gap(start: float, end: float) -> Gap:
    return Gap(STREAM, start, end, GapReason.DROPPED)


def scores(epoch: int, step: int) -> Scores:
    return Scores(STREAM, epoch, step, step * STEP_S, (step + 1) * STEP_S, np.linspace(0, 1, 3, dtype=np.float32))


def commit(
    epoch: int = 0,
    first: int = 0,
    last: int | None = None,
    *,
    opened: tuple[Segment, ...] = (),
    still_open: tuple[Segment, ...] = (),
    closed: tuple[Segment, ...] = (),
    gaps: tuple[Gap, ...] = (),
    finished: bool = False,
    until_s: float | None = None,
) -> Commit:
    last = first if last is None else last
    until_s = (last + 1) * STEP_S if until_s is None else until_s
    covered = tuple(scores(epoch, step) for step in range(first, last + 1))
    after = checkpoint(epoch, last, until_s, finished)
    return Commit(STREAM, epoch, first, last, opened, still_open, closed, gaps, covered, after)


def busy_commit(step: int) -> Commit:
    """A commit whose content can be recomputed from its step: a segment opens at every tenth, the one before closes."""
    number = step // 10
    current = segment(f"s{number}", start=number * 10 * STEP_S)
    before = segment(f"s{number - 1}", (number - 1) * 10 * STEP_S, number * 10 * STEP_S)
    opens, closes = step % 10 == 0, step % 10 == 0 and step > 0
    return commit(
        first=step,
        opened=(current,) if opens else (),
        still_open=(current,),
        closed=(before,) if closes else (),
        gaps=(gap(step * STEP_S, step * STEP_S + 0.1),) if step % 7 == 3 else (),
    )


def with_pending(one: Commit, pending: Gap) -> Commit:
    return replace(one, checkpoint=replace(one.checkpoint, pending_gap=pending))
