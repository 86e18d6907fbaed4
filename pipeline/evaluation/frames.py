"""Figures over frames: N moments, C independent labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Float32Array

Bools = NDArray[np.bool_]
BACKGROUND = -1


def predicted_labels(probs_NC: Float32Array, thresholds_C: Sequence[float]) -> NDArray[np.intp]:
    """N: the most probable of the labels that reach their threshold, or `BACKGROUND` where none does."""
    reached = np.where(probs_NC >= np.asarray(thresholds_C), probs_NC, -1.0)
    best = reached.argmax(1)
    return np.where(reached.max(1) >= 0, best, BACKGROUND)


def frame_accuracy(truth_NC: Bools, predicted_N: NDArray[np.intp]) -> float:
    """Share of the frames whose predicted label holds, or that hold none and are predicted background.

    For scenes of one person; where several labels hold at once, any of them is right.

    Raises:
        ValueError: there are no frames.
    """
    if not len(truth_NC):
        raise ValueError("frame accuracy of no frames is undefined")
    background = ~truth_NC.any(1)
    right = np.column_stack([truth_NC, background])[np.arange(len(truth_NC)), predicted_N]  # -1 is the last column
    return float(right.mean())


def macro_recall(truth_NC: Bools, predicted_N: NDArray[np.intp]) -> float:
    """Mean over labels that occur of the share of their frames that are predicted so."""
    occurring = np.flatnonzero(truth_NC.any(0))
    if not len(occurring):
        raise ValueError("macro recall needs a label that occurs")
    return float(np.mean([(predicted_N[truth_NC[:, label]] == label).mean() for label in occurring]))


def average_precision(truth_N: Bools, scores_N: Float32Array) -> float:
    """Mean of the precision at each positive when frames are ranked by score; equal scores share one rank.

    Raises:
        ValueError: there is no positive.
    """
    positives = int(truth_N.sum())
    if not positives:
        raise ValueError("average precision needs a positive frame")
    order = np.argsort(-scores_N, kind="stable")
    hits = np.cumsum(truth_N[order])
    # Only the last of equal scores is a point on the curve, so that the order among them does not matter.
    last = np.append(np.flatnonzero(np.diff(scores_N[order])), len(order) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / positives
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def frame_map(truth_NC: Bools, scores_NC: Float32Array, counted_N: Bools | None = None) -> float:
    """Mean average precision over the labels that have positives, all frames of all videos pooled.

    Args:
        counted_N: which frames count; all when None. The field's definition excludes background frames
            (`truth_NC.any(1)`) and ambiguous ones; with background counted the figure also sees false alarms.
    """
    if counted_N is not None:
        truth_NC, scores_NC = truth_NC[counted_N], scores_NC[counted_N]
    occurring = np.flatnonzero(truth_NC.any(0))
    if not len(occurring):
        raise ValueError("mean average precision needs a label that occurs")
    return float(np.mean([average_precision(truth_NC[:, label], scores_NC[:, label]) for label in occurring]))
