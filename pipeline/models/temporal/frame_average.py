"""A classifier of single frames whose class probabilities are averaged over a clip, without memory.

The single-frame network of A. Karpathy, G. Toderici, S. Shetty, T. Leung, R. Sukthankar, L. Fei-Fei: Large-scale
Video Classification with Convolutional Neural Networks, CVPR 2014.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid

from pipeline.models.temporal.base import TemporalModel


def mean_softmax(x_FK: Tensor) -> Tensor:
    """K logits whose softmax is the mean of the F softmaxes; more dimensions may stand before these two."""
    return log_softmax(x_FK, -1).logsumexp(-2)


def mean_sigmoid(x_FK: Tensor) -> Tensor:
    """K logits whose sigmoids are the means of the F sigmoids; more dimensions may stand before these two."""
    return logsigmoid(x_FK).logsumexp(-2) - logsigmoid(-x_FK).logsumexp(-2)


KINDS: Mapping[str, Callable[[Tensor], Tensor]] = {"exclusive": mean_softmax, "independent": mean_sigmoid}


class FrameAverage(TemporalModel):
    """The same linear layer on each frame's feature; the logits are those of the mean probabilities.

    Args:
        feature_size: T·D of the encoder, the T frames' features in a row.
        logits: outputs of the layer.
        frames: T.
        kind: of the model's label sets: all `independent`, or one that is `exclusive`.

    Raises:
        ValueError: the feature is not that of so many frames, or there is no such kind.
    """

    def __init__(self, feature_size: int, logits: int, frames: int, kind: str = "independent") -> None:
        super().__init__()
        if frames < 1 or feature_size % frames:
            raise ValueError(f"a feature of {feature_size} numbers is not that of {frames} frames")
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r} of label sets; choose one of {', '.join(KINDS)}")
        self.state_size = 0
        self.frames = frames
        self.average = KINDS[kind]
        self.head = nn.Linear(feature_size // frames, logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, 0)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self._logits(x_BD), state_BS

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self._logits(x_BND), state_BS

    def _logits(self, features: Tensor) -> Tensor:
        return self.average(self.head(features.reshape(*features.shape[:-1], self.frames, -1)))
