"""Long memory in one gated recurrent unit, after MiniROAD (An et al., ICCV 2023)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.projection import Projection


class GruMemory(TemporalModel):
    """Linear + LayerNorm + ReLU → GRU → Linear over the hidden state beside its input.

    Args:
        feature_size: D of the encoder.
        logits: outputs of the head.
        width: of the projected feature.
        hidden: of the GRU; also the size of the state, which is the hidden vector itself.
        dropout: of the projected feature, in training only.
    """

    def __init__(self, feature_size: int, logits: int, width: int, hidden: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.state_size = hidden
        self.project = Projection(feature_size, width, dropout)
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.head = nn.Linear(width + hidden, logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, self.state_size)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x_BD, gap_s_B)
        weight_x, weight_h, bias_x, bias_h = self.gru.all_weights[0]
        reset_x, update_x, new_x = linear(x, weight_x, bias_x).chunk(3, 1)
        reset_h, update_h, new_h = linear(state_BS, weight_h, bias_h).chunk(3, 1)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        state = new + update * (state_BS - new)
        return self.head(torch.cat([x, state], 1)), state

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x_BND, gap_s_BN)
        hidden, last = self.gru(x, state_BS[None].contiguous())
        return self.head(torch.cat([x, hidden], 2)), last[0]
