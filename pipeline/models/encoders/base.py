"""What an encoder is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """A network that turns clips into features; it keeps nothing between calls.

    Its constructor takes the parameters of the card, and `clip`, the card's clip spec.
    """

    feature_size: int
    wants_motion: ClassVar[bool] = False
    """Whether `forward` takes a second tensor: the clips' motion, B×L×2×h×w float32 whatever the encoder's dtype."""

    @abstractmethod
    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        """Return B×D features; each answers for its clip's newest `stride` frames, having seen all T."""

    @abstractmethod
    def fold(self) -> None:
        """Merge what training needs apart (batch norm into convolutions); only for serving, irreversible."""
