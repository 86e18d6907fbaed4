"""All figures of a set of watched videos in one value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.frames import Bools, frame_accuracy, frame_map, macro_recall, predicted_labels
from pipeline.evaluation.spans import Span, edit_score, segment_f1
from pipeline.values import Float32Array

FPS = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """One video after it was watched: what happened in it and what the stream's timeline says.

    Attributes:
        truth, predicted: spans of any label.
        starts_s, ends_s: of the M answers, in order, without overlap.
        probs: M×C of the answers.
        duration_s: of the video.
    """

    truth: tuple[Span, ...]
    predicted: tuple[Span, ...]
    starts_s: NDArray[np.float64] = field(repr=False)
    ends_s: NDArray[np.float64] = field(repr=False)
    probs: Float32Array = field(repr=False)
    duration_s: float

    def times_s(self) -> NDArray[np.float64]:
        """The N moments at which frames are compared: 5 a second."""
        return np.arange(int(self.duration_s * FPS)) / FPS

    def frame_truth(self, labels: Sequence[str]) -> Bools:
        """N×C: which labels hold at each moment."""
        times_s, holds = self.times_s(), np.zeros((len(self.times_s()), len(labels)), bool)
        for span in self.truth:
            if span.label in labels:
                holds[:, labels.index(span.label)] |= (times_s >= span.start_s) & (times_s < span.end_s)
        return holds

    def frame_probs(self) -> Float32Array:
        """N×C: the answer that covers each moment, 0 where there is none."""
        times_s = self.times_s() + 0.5 / FPS  # the middle of a frame: its start may lie on a rounded border
        answer = np.searchsorted(self.starts_s, times_s, "right") - 1
        covered = (answer >= 0) & (times_s < self.ends_s[answer])
        return np.where(covered[:, None], self.probs[answer], 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Figures:
    """Every figure lies in 0…1, save `edit`, which lies in 0…100.

    Attributes:
        frame_accuracy, macro_recall: of the most probable label that reaches its threshold; for scenes of one person.
        frame_map: background frames excluded; `frame_map_all`: background frames included.
        f1_10, f1_25, f1_50: of segments, at that overlap.
    """

    videos: int
    frame_accuracy: float
    macro_recall: float
    frame_map: float
    frame_map_all: float
    f1_10: float
    f1_25: float
    f1_50: float
    edit: float

    def rounded(self) -> dict[str, float]:
        """For records and tables."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def figures(watched: Sequence[Watched], labels: Sequence[str], thresholds: Sequence[float]) -> Figures:
    """Compute all figures over videos.

    Args:
        labels: the C labels in the order of the scores; truth of other labels does not count.
        thresholds: the probability at which each label may be the frame's prediction.
    """
    truth = np.concatenate([video.frame_truth(labels) for video in watched])
    probs = np.concatenate([video.frame_probs() for video in watched])
    predicted = predicted_labels(probs, thresholds)
    spans = [([s for s in video.truth if s.label in labels], video.predicted) for video in watched]
    return Figures(
        videos=len(watched),
        frame_accuracy=frame_accuracy(truth, predicted),
        macro_recall=macro_recall(truth, predicted),
        frame_map=frame_map(truth, probs, np.asarray(truth.any(1))),
        frame_map_all=frame_map(truth, probs),
        f1_10=segment_f1(spans, 0.10),
        f1_25=segment_f1(spans, 0.25),
        f1_50=segment_f1(spans, 0.50),
        edit=edit_score(spans),
    )
