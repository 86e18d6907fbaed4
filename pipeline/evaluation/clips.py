"""Figures of a classifier on recorded examples: several clips of each, their predictions averaged."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.models.worker import ModelWorker
from pipeline.training.classifier import windows
from pipeline.training.data.pictures import Pictures, pictures
from pipeline.training.data.split import to_be_judged_by
from pipeline.training.data.table import read_table
from pipeline.training.data.videos import Log
from pipeline.values import Float32Array

CLIPS = 10


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """How often the most probable label is the true one.

    Attributes:
        accuracy: share of the examples that are told right.
        low, high: 95 % interval of the accuracy, by Wilson's score.
        macro_recall: mean over labels of the share of their examples told right.
        confused: C×C counts, true label by told one.
    """

    examples: int
    accuracy: float
    low: float
    high: float
    macro_recall: float
    confused: tuple[tuple[int, ...], ...]


def predict(worker: ModelWorker, pictures: Pictures, clips: int = CLIPS) -> Float32Array:
    """S×C mean probabilities of every example, over up to `clips` clips spread over it, as a worker answers them."""
    frames = worker.card.clip.frames
    rows = (
        [worker.infer(clip, 0.0, None).probs[0] for clip in windows(shown, frames, clips, pictures.motion(one))]
        for one, shown in enumerate(pictures.shown)
    )
    return np.stack([np.mean(row, 0) for row in rows])


def evaluate_examples(directory: Path, data: str, clips: int, log: Log) -> ClipFigures:
    """Measure a model on all examples that `data` names (see `read_table`).

    Raises:
        UsageError: the data are not what they should be, or show what the model has no label for.
        ModelError: the model cannot be loaded.
    """
    worker, table = ModelWorker(directory), to_be_judged_by(read_table(data))
    if unknown := sorted(set(table.labels) - set(worker.card.labels)):
        raise UsageError(f"the model has no label {unknown[0]!r}; it knows {', '.join(worker.card.labels)}")
    with tempfile.TemporaryDirectory(prefix="longtake-evaluate-") as cache:
        shown = pictures(replace(table, labels=worker.card.labels), worker.card.clip, Path(cache), log)
        return clip_figures(predict(worker, shown, clips), shown.classes)


def clip_figures(probs_SC: Float32Array, classes: Sequence[int]) -> ClipFigures:
    """Figures of predictions."""
    truth, told = np.asarray(classes), probs_SC.argmax(1)
    count = probs_SC.shape[1]
    confused = np.zeros((count, count), np.int64)
    np.add.at(confused, (truth, told), 1)
    present = confused.sum(1) > 0
    right = int(np.trace(confused))
    low, high = interval(right, len(truth))
    recall = float((np.diag(confused)[present] / confused.sum(1)[present]).mean())
    rows = tuple(tuple(int(one) for one in row) for row in confused)
    return ClipFigures(len(truth), right / len(truth), low, high, recall, rows)


def interval(right: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson, JASA 1927)."""
    z, share = 1.959964, right / total
    middle = share + z * z / (2 * total)
    width = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (middle - width) / scale, (middle + width) / scale
