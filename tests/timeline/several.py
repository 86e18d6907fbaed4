"""Several streams with segments, gaps and what is still growing, known before they are written."""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.timeline.pages import Item, Question, place_of
from pipeline.timeline.store import TimelineStore
from pipeline.values import Commit, Gap, GapReason
from tests.timeline import make

LABELS = sorted(make.LABELS)
STREAMS = ("a-1", "a-2", "b-1", "nothing-yet")
STEP_S = 20_000.0  # some values to a date


@dataclass(frozen=True)
class Filled:
    """A store, and what was written to it."""

    store: TimelineStore
    items: tuple[Item, ...]
    growing: frozenset[Item]

    def expected(self, question: Question) -> list[Item]:
        return sorted((one for one in self.items if self._asked(question, one)), key=place_of)

    def _asked(self, question: Question, one: Item) -> bool:
        since, until = question.span.since, question.span.until
        overlaps = one.start < until and (one.end is None or one.end > since or one.start >= since)
        if one.stream not in question.streams or not overlaps:
            return False
        if question.in_progress not in (None, one in self.growing):
            return False
        if isinstance(one, Gap):
            return question.gaps
        scored = question.min_score is None or one.score >= question.min_score
        return question.segments and scored and (question.labels is None or one.label in question.labels)


def of(stream: str, one: Commit, pending: Gap | None = None) -> Commit:
    """The same commit, of another stream."""
    named = {
        field: tuple(replace(value, stream=stream) for value in getattr(one, field))
        for field in ("opened", "still_open", "closed", "gaps", "scores")
    }
    return replace(one, stream=stream, checkpoint=replace(one.checkpoint, stream=stream, pending_gap=pending), **named)


def spans(random: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Spans on a grid, so that starts are shared; some touch, some have no length, none overlap."""
    edges = np.cumsum(random.choice([0.0, STEP_S, 2 * STEP_S], 2 * count, p=[0.2, 0.6, 0.2]))
    return [(float(start), float(end)) for start, end in dict.fromkeys(map(tuple, edges.reshape(-1, 2)))]


def written(store: TimelineStore, stream: str, seed: int) -> tuple[list[Item], list[Item]]:
    """Write a stream; return what is final of it and what is growing."""
    random = np.random.default_rng(seed)
    closed, still_open = [], []
    for label in LABELS:
        found = [
            make.segment(f"{label}{number}", *span, label, float(random.choice([0.25, 0.5, 0.75])))
            for number, span in enumerate(spans(random, 12))
        ]
        closed += found
        if random.uniform() < 0.6:
            still_open.append(make.segment(f"{label}-open", found[-1].end or 0.0, None, label))
    gaps = [replace(make.gap(*span), stream=stream) for span in spans(random, 10)]
    pending = Gap(stream, gaps[-1].end, gaps[-1].end + 5.0, GapReason.STALLED)
    commit = make.commit(closed=tuple(closed), still_open=tuple(still_open), gaps=tuple(gaps), until_s=10 * STEP_S)
    store.commit(make.claim(store, stream), of(stream, commit, pending))
    final = [replace(one, stream=stream) for one in closed]
    return [*final, *gaps], [*(replace(one, stream=stream) for one in still_open), pending]


def fill(store: TimelineStore) -> Filled:
    final, growing = [], []
    for seed, stream in enumerate(STREAMS[:-1]):
        done, open_ = written(store, stream, seed)
        final, growing = [*final, *done], [*growing, *open_]
    make.claim(store, STREAMS[-1])
    return Filled(store, (*final, *growing), frozenset(growing))
