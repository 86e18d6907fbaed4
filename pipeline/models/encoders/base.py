"""What an encoder is."""

from typing import Protocol

from torch import Tensor


class Encoder(Protocol):
    """A network that turns clips into features. It is an `nn.Module`; it keeps nothing between calls."""

    feature_size: int

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        """Return B×D features; each answers for its clip's newest `stride` frames, having seen all T."""

    def fold(self) -> None:
        """Merge what training needs apart (batch norm into convolutions); only for serving, irreversible."""
