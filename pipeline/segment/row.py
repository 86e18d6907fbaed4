"""What the segmenter knows of one label."""

import math
import struct
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter

from pipeline.segment.rules import LabelRule
from pipeline.values import Scores

ROUNDING_S = 1e-9  # sums of strides may fall this far short of a length that a rule asks for


class Phase(IntEnum):
    """Where a label stands."""

    IDLE = 0
    PENDING = 1  # it holds, not yet for long enough
    OPEN = 2
    CLOSING = 3  # it holds no more, but may come back within the merge gap


@dataclass(slots=True)
class Row:
    """One label's phase and what its segment amounts to so far.

    Attributes:
        smoothed: moving average of the probability; NaN before the first step.
        epoch, step: where the segment began.
        steps: how many steps held.
        start_s, end_s: of the steps that held.
        weighted, seconds: probability × seconds, and seconds, of the segment.
        low_weighted, low_seconds: the same while CLOSING; they count only if the segment goes on.
        watched_s: end of the last step; NaN before the first.
    """

    phase: int = Phase.IDLE
    smoothed: float = math.nan
    epoch: int = 0
    step: int = 0
    steps: int = 0
    start_s: float = 0.0
    end_s: float = 0.0
    weighted: float = 0.0
    seconds: float = 0.0
    peak: float = 0.0
    low_weighted: float = 0.0
    low_seconds: float = 0.0
    watched_s: float = math.nan

    def copy(self) -> "Row":
        """The same row, to be advanced without touching this one."""
        return Row(*_values(self))

    @property
    def shown(self) -> bool:
        """Whether people see a segment of this label."""
        return self.phase >= Phase.OPEN

    @property
    def score(self) -> float:
        """Mean probability over the segment's time."""
        return min(1.0, self.weighted / self.seconds) if self.seconds else self.peak

    def advance(self, rule: LabelRule, probability: float, scores: Scores) -> None:
        """Take this label's probability in one step."""
        past = probability if math.isnan(self.smoothed) else self.smoothed
        self.smoothed = rule.smoothing * past + (1 - rule.smoothing) * probability
        threshold = rule.on if self.phase in (Phase.IDLE, Phase.CLOSING) else rule.off
        if self.smoothed >= threshold:
            self._hold(probability, scores)
            if self.phase == Phase.PENDING and self._confirmed(rule):
                self.phase = Phase.OPEN
        else:
            self._fade(rule, probability, scores)
        self.watched_s = scores.end_s

    def _hold(self, probability: float, scores: Scores) -> None:
        """The label holds: begin, go on, or come back within the merge gap."""
        seconds = scores.end_s - scores.start_s
        if self.phase == Phase.IDLE:
            self.phase, self.epoch, self.step, self.start_s = Phase.PENDING, scores.epoch, scores.step, scores.start_s
            self.steps, self.weighted, self.seconds, self.peak = 0, 0.0, 0.0, 0.0
        elif self.phase == Phase.CLOSING:
            self.phase = Phase.OPEN
            self.weighted += self.low_weighted
            self.seconds += self.low_seconds
        self.steps += 1
        self.weighted += probability * seconds
        self.seconds += seconds
        self.peak = max(self.peak, probability)
        self.end_s = scores.end_s

    def _fade(self, rule: LabelRule, probability: float, scores: Scores) -> None:
        """The label does not hold: forget it, or let the merge gap run."""
        if self.phase == Phase.PENDING:
            self.phase = Phase.IDLE
        elif self.phase == Phase.OPEN:
            self.phase, self.low_weighted, self.low_seconds = Phase.CLOSING, 0.0, 0.0
        if self.phase == Phase.CLOSING:
            self.low_weighted += probability * (scores.end_s - scores.start_s)
            self.low_seconds += scores.end_s - scores.start_s
            if scores.end_s - self.end_s >= rule.merge_gap_s - ROUNDING_S:
                self.phase = Phase.IDLE

    def _confirmed(self, rule: LabelRule) -> bool:
        return self.steps >= rule.confirm_steps and self.end_s - self.start_s >= rule.min_length_s - ROUNDING_S


_COUNT = struct.Struct("<I")
_PACKED = struct.Struct("<Bdqqqdddddddd")
_values = attrgetter(*(field.name for field in fields(Row)))


def pack(rows: tuple[Row, ...], labels: tuple[str, ...]) -> bytes:
    """The rows as bytes, with the labels of those that people see; the functions below give them back bit for bit."""
    shown = "\n".join(label for label, row in zip(labels, rows, strict=True) if row.shown)
    return _COUNT.pack(len(rows)) + b"".join(_PACKED.pack(*_values(row)) for row in rows) + shown.encode()


def unpack(data: bytes) -> tuple[Row, ...]:
    """Return the packed rows.

    Raises:
        ValueError: the bytes are not such rows.
    """
    return _unpacked(data)[0]


def unpack_shown(data: bytes) -> list[tuple[str, Row]]:
    """Return the labels that people see, and their rows.

    Raises:
        ValueError: the bytes are not such rows.
    """
    rows, labels = _unpacked(data)
    return list(zip(labels, (row for row in rows if row.shown), strict=True))


def _unpacked(data: bytes) -> tuple[tuple[Row, ...], list[str]]:
    if len(data) < _COUNT.size:
        raise ValueError(f"{len(data)} bytes are no segmenter state")
    (count,) = _COUNT.unpack_from(data)
    end = _COUNT.size + count * _PACKED.size
    if len(data) < end:
        raise ValueError(f"a segmenter state of {count} labels has {end} bytes at least, got {len(data)}")
    rows = tuple(Row(*values) for values in _PACKED.iter_unpack(data[_COUNT.size : end]))
    return rows, data[end:].decode().split("\n") if data[end:] else []
