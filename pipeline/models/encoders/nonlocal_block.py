"""The non-local block: self-attention between all positions of a clip's feature map, in space and time.

X. Wang, R. Girshick, A. Gupta, K. He: Non-local Neural Networks, CVPR 2018 (embedded Gaussian).
"""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from pipeline.models.encoders.parts import ConvNormRelu


class NonLocalBlock(nn.Module):
    """Softmax attention over all T·H·W positions, with a residual around it; B×C×T×H×W in and out.

    Queries, keys and values have half the channels. The last batch norm's scale begins at zero: until it is trained,
    the block hands its input through bit by bit, so it may be put anywhere into a trained network.

    Args:
        channels: C.
        pooled: keys and values are max-pooled by 2×2 in space, which quarters the attention's cost.

    Raises:
        ValueError: there are no channels to halve.
    """

    def __init__(self, channels: int, pooled: bool = False) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"a non-local block halves its channels and wants at least 2, got {channels}")
        inner = channels // 2
        self.query = nn.Conv3d(channels, inner, 1)
        self.key = nn.Conv3d(channels, inner, 1)
        self.value = nn.Conv3d(channels, inner, 1)
        self.pool: nn.Module = nn.MaxPool3d((1, 2, 2), ceil_mode=True) if pooled else nn.Identity()
        self.output = ConvNormRelu(inner, channels, 1, activated=False)
        assert isinstance(self.output.norm, nn.BatchNorm3d)
        nn.init.zeros_(self.output.norm.weight)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        query = self.query(x_BCTHW)
        key, value = self.pool(self.key(x_BCTHW)), self.pool(self.value(x_BCTHW))
        y_B1PC = scaled_dot_product_attention(_positions(query), _positions(key), _positions(value))
        y: Tensor = self.output(y_B1PC[:, 0].mT.reshape(query.shape))
        return x_BCTHW + y


def _positions(x_BCTHW: Tensor) -> Tensor:
    """B×1×P×C: the map as a sequence of P = T·H·W positions for one attention head."""
    return x_BCTHW.flatten(2).mT[:, None]
