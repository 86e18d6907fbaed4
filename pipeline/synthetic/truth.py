"""What is true in a scene and when: intervals of actions and situations, computed from the simulation itself."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

ACTIONS = ("walk", "run", "wave", "sit_down", "sit", "stand_up", "fall", "lie")
SITUATIONS = ("loitering", "abandoned_bag", "return")
LOITERING_S = 20.0
AWAY_S = 2.0
RETURN_S = 10.0

Stretch: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """`label` holds from `start_s` (included) to `end_s` (excluded)."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Attributes: intervals by start; those of one label neither overlap nor touch."""

    duration_s: float
    intervals: tuple[Interval, ...]

    def active(self, t_s: float) -> set[str]:
        """Return the labels that hold at scene second `t_s`."""
        return {interval.label for interval in self.intervals if interval.start_s <= t_s < interval.end_s}

    def table(self, times_s: NDArray[np.float64], labels: Sequence[str]) -> NDArray[np.bool_]:
        """Return which of `labels` (C) hold at `times_s` (N), as N × C."""
        out = np.zeros((len(times_s), len(labels)), dtype=np.bool_)
        for interval in self.intervals:
            if interval.label in labels:
                inside = (times_s >= interval.start_s) & (times_s < interval.end_s)
                out[:, labels.index(interval.label)] |= inside
        return out

    def timeline(self, stream: str) -> dict[str, Any]:
        """Return the timeline as the JSON object that `longtake timeline --format json` prints."""
        return {
            "stream": stream,
            "model": "synthetic",
            "duration": round(float(self.duration_s), 3),
            "segments": [_segment(stream, interval) for interval in self.intervals],
            "gaps": [],
        }

    def json(self, stream: str) -> str:
        """Return `timeline` as text that is equal for equal scenes."""
        return json.dumps(self.timeline(stream), indent=1) + "\n"


def _segment(stream: str, interval: Interval) -> dict[str, Any]:
    start, end = round(interval.start_s, 3), round(interval.end_s, 3)
    name = f"{stream}\0synthetic\0{interval.label}\0{start:.3f}"
    identity = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return {"id": identity, "label": interval.label, "start": start, "end": end, "score": 1.0, "peak": 1.0}


def union(stretches: Iterable[Stretch], closing_s: float = 0.0) -> list[Stretch]:
    """Join stretches that overlap, touch, or lie less than `closing_s` apart."""
    out: list[Stretch] = []
    for start, end in sorted(stretches):
        if out and (start <= out[-1][1] or start - out[-1][1] < closing_s):
            out[-1] = (out[-1][0], max(out[-1][1], end))
        elif end > start:
            out.append((start, end))
    return out


def overlap(stretches: Iterable[Stretch], start_s: float, end_s: float) -> list[Stretch]:
    """Cut stretches to [start_s, end_s)."""
    cut = ((max(start, start_s), min(end, end_s)) for start, end in stretches)
    return [(start, end) for start, end in cut if start < end]


def loitering(seen: Sequence[Stretch]) -> list[Stretch]:
    """Return when a person seen during `seen` loiters: from 20 s of presence (out of sight < 2 s) until they leave."""
    return [(start + LOITERING_S, end) for start, end in union(seen, AWAY_S) if end - start > LOITERING_S]


def returns(seen: Sequence[Stretch]) -> list[Stretch]:
    """Return when a person seen during `seen` is back in view after an absence of at least 10 s."""
    presences = union(seen, AWAY_S)
    return [now for before, now in pairwise(presences) if now[0] - before[1] >= RETURN_S]


def abandoned(owner_seen: Sequence[Stretch], put_s: float, taken_s: float) -> list[Stretch]:
    """Return when a bag put down at `put_s` stands there without its owner, until somebody takes it at `taken_s`.

    `owner_seen` is when the owner was seen during the visit in which they put it down.
    """
    if not owner_seen:
        return []
    left_s = max(put_s, max(end for _, end in owner_seen))
    return [(left_s, taken_s)] if left_s < taken_s else []
