"""Networks that are ready to be looked at, and clips to show them."""

from typing import Any

import torch
from torch import Tensor, nn

from pipeline.values import ClipSpec

CLIP = ClipSpec(frames=16, height=64, width=64, fps=5.0, stride=4)


def clips(count: int = 1, spec: ClipSpec = CLIP) -> Tensor:
    """Noise that grows brighter with time."""
    dark_to_bright = torch.linspace(-2, 2, spec.frames)[:, None, None, None]
    return torch.randn(count, spec.frames, 3, spec.height, spec.width) + dark_to_bright


def settled(net: Any, spec: ClipSpec = CLIP) -> Any:
    """In eval mode, with batch norms of any slope that have seen a batch, so that they are not the identity."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.momentum = None
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    net(clips(3, spec))
    return net.eval()


def parameters(*nets: nn.Module) -> int:
    return sum(parameter.numel() for net in nets for parameter in net.parameters())
