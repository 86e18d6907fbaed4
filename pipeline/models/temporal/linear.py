"""A classifier of one clip's feature, without memory: the last layer of every clip network.

So end the networks of A. Karpathy et al. (CVPR 2014) and D. Tran et al. (ICCV 2015).
"""

from torch import Tensor, nn

from pipeline.models.temporal.base import TemporalModel


class LinearHead(TemporalModel):
    """One linear layer on each step's feature; the state is empty, and gaps mean nothing to it.

    Args:
        feature_size: D of the encoder.
        logits: outputs of the layer.
    """

    def __init__(self, feature_size: int, logits: int) -> None:
        super().__init__()
        self.state_size = 0
        self.head = nn.Linear(feature_size, logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, 0)

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(x_BD), state_BS

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(x_BND), state_BS
