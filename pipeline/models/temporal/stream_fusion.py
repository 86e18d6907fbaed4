"""A classifier of each of two streams, and what both say together, without memory.

K. Simonyan, A. Zisserman: Two-Stream Convolutional Networks for Action Recognition in Videos, NIPS 2014.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.frame_average import KINDS

STREAMS = ("spatial", "temporal")
FUSIONS = (*STREAMS, "average", "svm")
NEVER = -100.0
"""The logit of a class that the SVM does not know."""


def svm_features(logits_2K: Tensor) -> Tensor:
    """2K: each stream's softmax at length one, side by side; more dimensions may stand before these two."""
    return normalize(logits_2K.softmax(-1), dim=-1).flatten(-2)


class StreamFusion(TemporalModel):
    """A linear layer on each half of the feature, and one answer of both.

    Whatever the fusion, the weights are the same, so that one trained model can be asked as a whole and by its parts.

    Args:
        feature_size: 2·D of a `TwoStream`.
        logits: K outputs.
        fusion: `average`: the logits are those of the mean probabilities; `svm`: a linear SVM's margins over both
            streams' softmax, which are not calibrated, stand for logits; `spatial` or `temporal`: that stream alone.
        kind: of the model's label sets: all `independent`, or one that is `exclusive`, as the SVM wants it.

    Raises:
        ValueError: the feature is not that of two streams, or there is no such fusion or kind.
    """

    def __init__(self, feature_size: int, logits: int, fusion: str = "average", kind: str = "independent") -> None:
        super().__init__()
        if feature_size % 2:
            raise ValueError(f"a feature of {feature_size} numbers is not that of two streams")
        if fusion not in FUSIONS:
            raise ValueError(f"unknown fusion {fusion!r}; choose one of {', '.join(FUSIONS)}")
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r} of label sets; choose one of {', '.join(KINDS)}")
        if (fusion, kind) == ("svm", "independent"):
            raise ValueError("an SVM fuses the classes of an exclusive label set, not independent labels")
        self.state_size = 0
        self.fusion, self.average = fusion, KINDS[kind]
        self.spatial = nn.Linear(feature_size // 2, logits)
        self.temporal = nn.Linear(feature_size // 2, logits)
        self.svm = nn.Linear(2 * logits, logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.spatial.weight.new_zeros(batch, 0)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self._fused(self.stream_logits(x_BD)), state_BS

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self._fused(self.stream_logits(x_BND)), state_BS

    def stream_logits(self, features: Tensor) -> Tensor:
        """2×K: the spatial stream's and the temporal one's; dimensions before the feature's stay."""
        spatial, temporal = features.chunk(2, -1)
        return torch.stack([self.spatial(spatial), self.temporal(temporal)], -2)

    def _fused(self, logits_2K: Tensor) -> Tensor:
        if self.fusion == "average":
            return self.average(logits_2K)
        if self.fusion == "svm":
            margins: Tensor = self.svm(svm_features(logits_2K))
            return margins
        return logits_2K[..., STREAMS.index(self.fusion), :]
