"""Scores as a chart shows them: as many points as it has room for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.timeline.reads import Span
from pipeline.values import Float32Array, Scores


@dataclass(frozen=True, slots=True)
class Points:
    """Means of what was answered, by time.

    Attributes:
        start_s: N timeline seconds at which the points begin; a stretch without an answer has none.
        means: N×C float32, one per label.
    """

    start_s: tuple[float, ...]
    means: Float32Array


def points_of(scores: Sequence[Scores], span: Span, most: int, labels: int) -> Points:
    """Return at most `most` points: the scores themselves where there are no more, else the means of equal stretches.

    Args:
        scores: by start; of any model, those that do not have `labels` probabilities are left out.
        span: is divided into stretches; where it has no end, what the scores cover.
    """
    scores = [one for one in scores if len(one.probs) == labels]
    if not scores:
        return Points((), np.zeros((0, labels), np.float32))
    starts, probs = np.array([one.start_s for one in scores]), np.stack([one.probs for one in scores])
    if len(scores) <= most:
        return Points(tuple(starts.tolist()), probs)
    since = span.since if math.isfinite(span.since) else starts[0]
    until = span.until if math.isfinite(span.until) else scores[-1].end_s
    stretch_s = (until - since) / most
    # What overlaps the start of the span has begun before it.
    places, counts = np.unique(np.clip((starts - since) // stretch_s, 0, most - 1).astype(int), return_counts=True)
    means = np.add.reduceat(probs, np.cumsum(counts) - counts, dtype=np.float64) / counts[:, None]
    return Points(tuple((since + places * stretch_s).tolist()), means.astype(np.float32))
