"""The segmenter: one step per answer, everything it remembers in one array."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.segment.rules import LabelRule, Rules
from pipeline.values import Float32Array, Origin, Scores, Segment


class Phase(IntEnum):
    """Where a label stands."""

    IDLE = 0
    PENDING = 1
    OPEN = 2
    CLOSING = 3


_ROW = np.dtype(
    [
        ("phase", "u1"),
        ("smoothed", "f8"),  # NaN before the first step
        ("epoch", "i8"),
        ("step", "i8"),
        ("steps", "i8"),
        ("start_s", "f8"),
        ("end_s", "f8"),
        ("weighted", "f8"),  # probability × seconds
        ("seconds", "f8"),
        ("peak", "f8"),
        ("low_weighted", "f8"),  # the same while CLOSING, counted only if the segment goes on
        ("low_seconds", "f8"),
        ("watched_s", "f8"),
    ]
)

State = NDArray[Any]
"""C rows, one per label. Treated as a value: a step returns a new one."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one step did: segments that opened, that are open now, and that became final."""

    opened: tuple[Segment, ...] = ()
    still_open: tuple[Segment, ...] = ()
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
        state = np.zeros(len(self.rules.labels), _ROW)
        state["smoothed"] = np.nan
        state["watched_s"] = np.nan
        return state

    def step(self, scores: Scores, state: State) -> tuple[Changes, State]:
        """Take one answer in; answers come in the order of time.

        Raises:
            ValueError: the scores have another number of labels than the rules.
        """
        if len(scores.probs) != len(self.rules.labels):
            raise ValueError(f"{len(scores.probs)} scores for {len(self.rules.labels)} labels")
        state = state.copy()
        opened: list[Segment] = []
        closed: list[Segment] = []
        for index, rule in enumerate(self.rules.rules):
            row = state[index]
            if scores.start_s - row["watched_s"] > rule.merge_gap_s:
                self._leave(index, row, closed)
                row["smoothed"] = np.nan
            self._advance(index, row, rule, scores, opened, closed)
        state["watched_s"] = scores.end_s
        return Changes(tuple(opened), self.open_segments(state), tuple(closed)), state

    def finish(self, state: State) -> tuple[Changes, State]:
        """The stream has ended: every open segment becomes final."""
        state = state.copy()
        closed: list[Segment] = []
        for index in range(len(state)):
            self._leave(index, state[index], closed)
        return Changes(closed=tuple(closed)), state

    def open_segments(self, state: State) -> tuple[Segment, ...]:
        """The segments that are open in `state`."""
        return tuple(
            self._segment(index, row, None)
            for index, row in enumerate(state)
            if row["phase"] in (Phase.OPEN, Phase.CLOSING)
        )

    def _advance(
        self, index: int, row: Any, rule: LabelRule, scores: Scores, opened: list[Segment], closed: list[Segment]
    ) -> None:
        probability = float(scores.probs[index])
        past = probability if np.isnan(row["smoothed"]) else float(row["smoothed"])
        row["smoothed"] = smoothed = rule.smoothing * past + (1 - rule.smoothing) * probability
        high = smoothed >= (rule.on if row["phase"] in (Phase.IDLE, Phase.CLOSING) else rule.off)
        if high:
            self._hold(row, probability, scores)
            if row["phase"] == Phase.PENDING and _confirmed(row, rule):
                row["phase"] = Phase.OPEN
                opened.append(self._segment(index, row, None))
        else:
            self._fade(index, row, rule, probability, scores, closed)

    def _hold(self, row: Any, probability: float, scores: Scores) -> None:
        """The label holds in this step: begin, go on, or come back within the merge gap."""
        seconds = scores.end_s - scores.start_s
        if row["phase"] == Phase.IDLE:
            row["phase"], row["epoch"], row["step"], row["start_s"] = (
                Phase.PENDING,
                scores.epoch,
                scores.step,
                scores.start_s,
            )
            row["steps"], row["weighted"], row["seconds"], row["peak"] = 0, 0.0, 0.0, 0.0
        elif row["phase"] == Phase.CLOSING:
            row["phase"] = Phase.OPEN
            row["weighted"] += row["low_weighted"]
            row["seconds"] += row["low_seconds"]
        row["steps"] += 1
        row["weighted"] += probability * seconds
        row["seconds"] += seconds
        row["peak"] = max(row["peak"], probability)
        row["end_s"] = scores.end_s

    def _fade(
        self, index: int, row: Any, rule: LabelRule, probability: float, scores: Scores, closed: list[Segment]
    ) -> None:
        """The label does not hold in this step: forget it, or let the merge gap run."""
        if row["phase"] == Phase.PENDING:
            row["phase"] = Phase.IDLE
        elif row["phase"] == Phase.OPEN:
            row["phase"], row["low_weighted"], row["low_seconds"] = Phase.CLOSING, 0.0, 0.0
        if row["phase"] == Phase.CLOSING:
            row["low_weighted"] += probability * (scores.end_s - scores.start_s)
            row["low_seconds"] += scores.end_s - scores.start_s
            if scores.end_s - row["end_s"] >= rule.merge_gap_s - 1e-9:
                self._leave(index, row, closed)

    def _leave(self, index: int, row: Any, closed: list[Segment]) -> None:
        if row["phase"] in (Phase.OPEN, Phase.CLOSING):
            closed.append(self._segment(index, row, float(row["end_s"])))
        row["phase"] = Phase.IDLE

    def _segment(self, index: int, row: Any, end: float | None) -> Segment:
        label = self.rules.labels[index]
        identity = f"{self.stream}\n{self.model}\n{self.origin}\n{row['epoch']}\n{label}\n{row['step']}"
        return Segment(
            id=hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
            stream=self.stream,
            epoch=int(row["epoch"]),
            label=label,
            start=float(row["start_s"]),
            end=end,
            score=min(1.0, float(row["weighted"] / row["seconds"])) if row["seconds"] else float(row["peak"]),
            peak=float(row["peak"]),
            model=self.model,
            origin=self.origin,
        )


def _confirmed(row: Any, rule: LabelRule) -> bool:
    return bool(row["steps"] >= rule.confirm_steps and row["end_s"] - row["start_s"] >= rule.min_length_s - 1e-9)


def pack(state: State) -> bytes:
    """The state as bytes; `unpack` gives it back bit for bit."""
    return state.tobytes()


def unpack(data: bytes, labels: int) -> State:
    """Read a packed state of `labels` labels.

    Raises:
        ValueError: the bytes are not such a state.
    """
    if len(data) != labels * _ROW.itemsize:
        raise ValueError(f"a segmenter state of {labels} labels has {labels * _ROW.itemsize} bytes, got {len(data)}")
    return np.frombuffer(data, _ROW).copy()


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
