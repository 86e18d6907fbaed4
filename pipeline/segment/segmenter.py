"""The segmenter: one step per answer; everything it remembers is a value."""

import hashlib
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.segment.row import Phase, Row, pack, unpack, unpack_shown
from pipeline.segment.rules import Rules
from pipeline.values import Float32Array, Origin, Scores, Segment

State: TypeAlias = tuple[Row, ...]
"""One row per label. A step returns a new one and leaves the old as it was."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one step did: segments that opened and that became final."""

    opened: tuple[Segment, ...] = ()
    closed: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Segmenter:
    """Turns the scores of one stream into segments.

    A segment appears once it has held for `confirm_steps` and `min_length_s`; from then on it is never taken back.
    It closes when the probability has been low for `merge_gap_s`, or when nothing was watched for longer than that;
    a closed segment never changes.
    """

    stream: str
    model: str
    rules: Rules
    origin: Origin = "live"

    def initial_state(self) -> State:
        """The state before the first step."""
        return tuple(Row() for _ in self.rules.labels)

    def pack(self, state: State) -> bytes:
        """The state as bytes."""
        return pack(state, self.rules.labels)

    def unpack(self, data: bytes) -> State:
        """The state that `pack` put away; nothing stands for the initial one.

        Raises:
            ValueError: the bytes are no state of this segmenter.
        """
        state = unpack(data) if data else self.initial_state()
        if len(state) != len(self.rules.labels):
            raise ValueError(f"a state of {len(state)} labels for a segmenter of {len(self.rules.labels)}")
        return state

    def step(self, scores: Scores, state: State) -> tuple[Changes, State]:
        """Take one answer in; answers come in the order of time.

        Raises:
            ValueError: the scores have another number of labels than the rules.
        """
        if len(scores.probs) != len(self.rules.labels):
            raise ValueError(f"{len(scores.probs)} scores for {len(self.rules.labels)} labels")
        state = tuple(row.copy() for row in state)
        opened: list[Segment] = []
        closed: list[Segment] = []
        rows = zip(self.rules.labels, self.rules.rules, state, scores.probs.tolist(), strict=True)
        for label, rule, row, probability in rows:
            if scores.start_s - row.watched_s > rule.merge_gap_s:
                closed += self._leave(label, row)
                row.smoothed = math.nan
            was_shown = row.shown
            row.advance(rule, probability, scores)
            if row.shown and not was_shown:
                opened.append(self._segment(label, row))
            elif was_shown and not row.shown:
                closed.append(self._segment(label, row, row.end_s))
        return Changes(tuple(opened), tuple(closed)), state

    def finish(self, state: State) -> tuple[Changes, State]:
        """The stream has ended: every open segment becomes final."""
        state = tuple(row.copy() for row in state)
        closed: list[Segment] = []
        for label, row in zip(self.rules.labels, state, strict=True):
            closed += self._leave(label, row)
        return Changes(closed=tuple(closed)), state

    def open_segments(self, state: State) -> tuple[Segment, ...]:
        """The segments that are open in `state`."""
        return tuple(
            self._segment(label, row) for label, row in zip(self.rules.labels, state, strict=True) if row.shown
        )

    def _leave(self, label: str, row: Row) -> list[Segment]:
        """Nothing more can be known of the row's segment: return it as final, if there is one."""
        final = [self._segment(label, row, row.end_s)] if row.shown else []
        row.phase = Phase.IDLE
        return final

    def _segment(self, label: str, row: Row, end: float | None = None) -> Segment:
        return _segment(self.stream, self.model, self.origin, label, row, end)


def _segment(stream: str, model: str, origin: Origin, label: str, row: Row, end: float | None) -> Segment:
    identity = f"{stream}\n{model}\n{origin}\n{row.epoch}\n{label}\n{row.step}"
    return Segment(
        id=hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
        stream=stream,
        epoch=row.epoch,
        label=label,
        start=row.start_s,
        end=end,
        score=row.score,
        peak=row.peak,
        model=model,
        origin=origin,
    )


def ended_now(stream: str, model: str, packed: bytes) -> tuple[Segment, ...]:
    """Return what `Segmenter.finish` would close, for who knows neither the labels nor the rules any more.

    Args:
        model: fingerprint of the model whose answers these were.
        packed: the state, as packed by that model's segmenter; empty before its first step.
    """
    shown = unpack_shown(packed) if packed else []
    return tuple(_segment(stream, model, "live", label, row, row.end_s) for label, row in shown)


def segment_scores(
    rules: Rules, probs_NC: Float32Array, starts_s: NDArray[np.float64], ends_s: NDArray[np.float64]
) -> list[Segment]:
    """Run a whole stream's scores (N×C, with each answer's start and end in seconds) through the segmenter at once."""
    segmenter = Segmenter(stream="-", model="-", rules=rules)
    state = segmenter.initial_state()
    segments: list[Segment] = []
    for step, (probs, start_s, end_s) in enumerate(zip(probs_NC, starts_s, ends_s, strict=True)):
        changes, state = segmenter.step(Scores("-", 0, step, float(start_s), float(end_s), probs), state)
        segments += changes.closed
    changes, _ = segmenter.finish(state)
    return sorted([*segments, *changes.closed], key=lambda segment: (segment.start, segment.label))
