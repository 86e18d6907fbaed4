"""Figures over segments: what a timeline says against what happened, as spans with a label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A label that holds from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    label: str

    def iou(self, other: "Span") -> float:
        """Intersection over union in time."""
        shared = min(self.end_s, other.end_s) - max(self.start_s, other.start_s)
        union = max(self.end_s, other.end_s) - min(self.start_s, other.start_s)
        return max(shared, 0.0) / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Matches:
    """How predictions met the truth."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def f1(self) -> float:
        """0…1; 1 where there was nothing to find and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0


def match(truth: Iterable[Span], predicted: Iterable[Span], iou: float) -> Matches:
    """Match one video's predictions, in time order, each with the true span of its label it overlaps best.

    A true span is matched once; a prediction that comes later to the same one is wrong (Lea et al., CVPR 2017).
    """
    truth = sorted(truth)
    taken: set[int] = set()
    right = wrong = 0
    for span in sorted(predicted):
        candidates = [(span.iou(other), -i) for i, other in enumerate(truth) if other.label == span.label]
        best, index = max(candidates, default=(0.0, 0))
        if best >= iou and best > 0 and -index not in taken:
            taken.add(-index)
            right += 1
        else:
            wrong += 1
    return Matches(right, wrong, len(truth) - right)


def segment_f1(videos: Iterable[tuple[Sequence[Span], Sequence[Span]]], iou: float) -> float:
    """F1 with matches pooled over videos; each video is its true and its predicted spans."""
    return sum((match(truth, predicted, iou) for truth, predicted in videos), Matches()).f1


def edit_score(videos: Iterable[tuple[Sequence[Span], Sequence[Span]]]) -> float:
    """Mean over videos of 100·(1 − Levenshtein distance of the label sequences / the longer one's length)."""
    scores = [_edit([s.label for s in sorted(truth)], [s.label for s in sorted(found)]) for truth, found in videos]
    if not scores:
        raise ValueError("the edit score of no videos is undefined")
    return float(np.mean(scores))


def spans_of(holds_NC: NDArray[np.bool_], edges_s: NDArray[np.float64], labels: Sequence[str]) -> list[Span]:
    """Runs of each label over N frames, frame i lasting from edge i to edge i + 1 of N + 1."""
    spans = []
    for column, label in zip(holds_NC.T, labels, strict=True):
        changes = np.flatnonzero(np.diff(column.astype(np.int8), prepend=0, append=0))
        spans += [
            Span(float(edges_s[a]), float(edges_s[b]), label) for a, b in zip(changes[::2], changes[1::2], strict=True)
        ]
    return sorted(spans)


def _edit(truth: Sequence[str], found: Sequence[str]) -> float:
    longer = max(len(truth), len(found))
    return 100 * (1 - levenshtein(truth, found) / longer) if longer else 100.0


def levenshtein(a: Sequence[str], b: Sequence[str]) -> int:
    """Insertions, deletions and replacements that turn one sequence into the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, previous[j] + 1, previous[j - 1] + (x != y)))
    return row[-1]
