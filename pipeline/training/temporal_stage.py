"""Second stage: the temporal model learns from features along streams, with gaps in them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from pipeline.models.build import StreamModel
from pipeline.training.features import FeatureStreams
from pipeline.training.loop import Loop, Progress, Task
from pipeline.training.recipe import Recipe
from pipeline.training.run import Run
from pipeline.values import ClipSpec, Float32Array

_CUT_SHARE = 0.3
_JOIN_SHARE = 0.4
_LONGEST_GAP_S = 3600.0


@dataclass(frozen=True, slots=True)
class Sequence:
    """M steps: M×D features, M gaps in seconds, M×C truth."""

    features: Float32Array
    gaps_s: Float32Array
    truth: Float32Array


class SequenceSource:
    """Draws sequences of `2·N` steps: two streams, one after the other, some with a piece missing.

    Where a piece is missing the next step says how many seconds were lost; where another stream begins it says so in
    most cases with a gap of any length, and in the others the scene changes without a word, as when a camera is moved.
    """

    def __init__(self, streams: FeatureStreams, clip: ClipSpec) -> None:
        self._streams, self._step_s = streams, clip.stride / clip.fps

    def batch(self, size: int, seed: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """B×M×D features, B×M gaps, B×M×C truth; M is the shortest of the drawn sequences."""
        rng = np.random.default_rng(seed)
        drawn = [self.draw(rng) for _ in range(size)]
        steps = min(len(sequence.gaps_s) for sequence in drawn)
        columns = zip(*((s.features[:steps], s.gaps_s[:steps], s.truth[:steps]) for s in drawn), strict=True)
        features, gaps, truth = (torch.from_numpy(np.stack(column)) for column in columns)
        return features, gaps, truth

    def draw(self, rng: np.random.Generator) -> Sequence:
        """One sequence."""
        first, second = (self._with_cut(int(rng.integers(len(self._streams.truth))), rng) for _ in range(2))
        start = int(rng.integers(len(first.gaps_s) // 2 + 1))
        gaps = np.concatenate([first.gaps_s[start:], second.gaps_s])
        if rng.random() < 1 - _JOIN_SHARE:
            gaps[len(first.gaps_s) - start] = np.exp(rng.uniform(0, np.log(_LONGEST_GAP_S)))
        return Sequence(
            np.concatenate([first.features[start:], second.features]),
            gaps,
            np.concatenate([first.truth[start:], second.truth]),
        )

    def _with_cut(self, stream: int, rng: np.random.Generator) -> Sequence:
        features, truth = self._streams.features[stream], self._streams.truth[stream]
        gaps = np.zeros(len(truth), np.float32)
        if rng.random() >= _CUT_SHARE:
            return Sequence(features, gaps, truth)
        start, lost = int(rng.integers(1, len(truth) - 1)), int(rng.integers(1, 12))
        kept = np.r_[0:start, min(start + lost, len(truth) - 1) : len(truth)]
        gaps[kept[start]] = (kept[start] - start) * self._step_s
        return Sequence(features[kept], gaps[kept], truth[kept])


def train_temporal(
    model: StreamModel, streams: tuple[FeatureStreams, FeatureStreams], recipe: Recipe, run: Run, budget_s: float
) -> Progress:
    """Train `model.temporal` in place on the first streams; the others choose the best of its weights."""
    net, stage = model.temporal, recipe.temporal_stage
    source = SequenceSource(streams[0], recipe.clip)
    weight = _positive_weight(streams[0].truth, stage.positive_weight_power)
    unseen, truth = torch.from_numpy(streams[1].features), torch.from_numpy(streams[1].truth)

    def loss(step: int) -> Tensor:
        features, gaps, wanted = source.batch(stage.batch, (run.seed, 3, step))
        logits, _ = net(features, gaps, net.initial_state(len(features)))
        smooth = wanted * (1 - stage.label_smoothing) + 0.5 * stage.label_smoothing
        return binary_cross_entropy_with_logits(logits, smooth, pos_weight=weight)

    def validate() -> float:
        logits, _ = net(unseen, torch.zeros(truth.shape[:2]), net.initial_state(len(unseen)))
        return float(binary_cross_entropy_with_logits(logits, truth))

    return Loop(Task("temporal", net, stage, loss, validate), budget_s, run).run()


def _positive_weight(truth: Float32Array, power: float) -> Tensor:
    """C: (negatives / positives) ** power of each label."""
    share = truth.reshape(-1, truth.shape[-1]).mean(0).clip(1e-3, 1 - 1e-3)
    return torch.from_numpy(((1 - share) / share) ** power).float()
