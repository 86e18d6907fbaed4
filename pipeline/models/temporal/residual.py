"""What the attending memories have in common: what is remembered is added to what is seen."""

from abc import abstractmethod

from torch import Tensor, nn

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.projection import Projection


class ResidualMemory(TemporalModel):
    """Projection → memory → MLP → Linear, with residuals around memory and MLP.

    Args:
        feature_size: D of the encoder.
        logits: outputs of the head.
        width: W of the projected feature.
        dropout: of the projected feature, in training only.
    """

    def __init__(self, feature_size: int, logits: int, width: int, dropout: float) -> None:
        super().__init__()
        self.project = Projection(feature_size, width, dropout)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, logits))

    @abstractmethod
    def recall(self, x_BNW: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """What N steps find in memory, B×N×W, and the state after the last."""

    def initial_state(self, batch: int) -> Tensor:
        return next(self.parameters()).new_zeros(batch, self.state_size)

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x_BND, gap_s_BN)
        found, state = self.recall(x, gap_s_BN, state_BS)
        x = x + found
        return self.head(x + self.mlp(x)), state
