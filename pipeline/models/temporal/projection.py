"""What every memory does first with a step's feature."""

import torch
from torch import Tensor, nn


class Projection(nn.Sequential):
    """Linear + LayerNorm + ReLU + dropout over a feature and one more input, log(1 + seconds lost before the step).

    So the network learns how far a gap ages its memory.

    Args:
        feature_size: D of the encoder.
        width: of the result.
        dropout: in training only.
    """

    def __init__(self, feature_size: int, width: int, dropout: float) -> None:
        super().__init__(nn.Linear(feature_size + 1, width), nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, features: Tensor, gap_s: Tensor) -> Tensor:  # type: ignore[override]
        x = torch.cat([features, torch.log1p(gap_s)[..., None]], -1)
        for layer in self:
            x = layer(x)
        return x
