"""Smoothing without parameters: for nets that are classifiers already, and models that nobody trained on streams."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from pipeline.models.temporal.base import TemporalModel

_NEVER = -1e4
"""The background's logit: finite, and its exponential is zero in every precision."""


class Smoother(TemporalModel):
    """An exponentially weighted average of class probabilities over time; a younger answer counts more.

    An answer that is t seconds old counts exp(−t / `seconds`). The state is the sum of the answers' probabilities and
    that of their weights, so that the average is one from a stream's first answer on. The logits are those of an
    exclusive label set without background: their softmax is the average, and the background's share of it is 0.

    Args:
        feature_size: of the encoder, whose features are the classes' logits.
        logits: one more, for the background.
        seconds: the time constant.
        step_s: seconds from one answer to the next where nothing was lost between them.

    Raises:
        ValueError: logits are not one more than features, or a time is not above zero.
    """

    def __init__(self, feature_size: int, logits: int, seconds: float, step_s: float) -> None:
        super().__init__()
        if logits != feature_size + 1:
            raise ValueError(
                f"{feature_size} features want one exclusive label set of as many labels, not {logits} logits"
            )
        if min(seconds, step_s) <= 0:
            raise ValueError(f"times must be above zero, got {seconds} and {step_s}")
        self.state_size = feature_size + 1
        self.seconds, self.step_s = seconds, step_s

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.state_size)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        kept_B1 = torch.exp(-(gap_s_B + self.step_s) / self.seconds)[:, None]
        state_BS = kept_B1 * state_BS + pad(x_BD.softmax(-1), (0, 1), value=1.0)
        mean_BD = state_BS[:, :-1] / state_BS[:, -1:]
        smallest = torch.finfo(mean_BD.dtype).tiny  # of a probability of zero there is no logarithm
        return pad(mean_BD.clamp_min(smallest).log(), (1, 0), value=_NEVER), state_BS

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        logits = []
        for x_BD, gap_s_B in zip(x_BND.unbind(1), gap_s_BN.unbind(1), strict=True):
            one, state_BS = self.step(x_BD, gap_s_B, state_BS)
            logits.append(one)
        return torch.stack(logits, 1), state_BS
