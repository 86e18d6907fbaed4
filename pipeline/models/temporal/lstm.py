"""Long memory in one LSTM over the features of a CNN.

J. Donahue, L. A. Hendricks, S. Guadarrama, M. Rohrbach, S. Venugopalan, K. Saenko, T. Darrell: Long-term Recurrent
Convolutional Networks for Visual Recognition and Description (LRCN), CVPR 2015.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.projection import Projection


class LstmMemory(TemporalModel):
    """Linear + LayerNorm + ReLU → LSTM → Linear over the hidden vector beside its input.

    Args:
        feature_size: D of the encoder.
        logits: outputs of the head.
        width: of the projected feature.
        hidden: of the LSTM; the state is its hidden vector beside its cell, twice this size.
        dropout: of the projected feature, in training only.
    """

    def __init__(self, feature_size: int, logits: int, width: int, hidden: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.state_size = 2 * hidden
        self.project = Projection(feature_size, width, dropout)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.head = nn.Linear(width + hidden, logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, self.state_size)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x_BD, gap_s_B)
        hidden, cell = state_BS.chunk(2, 1)
        weight_x, weight_h, bias_x, bias_h = self.lstm.all_weights[0]
        admit, keep, new, show = (linear(x, weight_x, bias_x) + linear(hidden, weight_h, bias_h)).chunk(4, 1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(admit) * torch.tanh(new)
        hidden = torch.sigmoid(show) * torch.tanh(cell)
        return self.head(torch.cat([x, hidden], 1)), torch.cat([hidden, cell], 1)

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x_BND, gap_s_BN)
        first, cell = (half[None].contiguous() for half in state_BS.chunk(2, 1))
        hidden, last = self.lstm(x, (first, cell))
        return self.head(torch.cat([x, hidden], 2)), torch.cat([last[0][0], last[1][0]], 1)
