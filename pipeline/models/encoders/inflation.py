"""Inflation: a 2D residual net made three-dimensional, with its weights, as the first I3D was made from Inception.

J. Carreira, A. Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset, CVPR 2017.
Attention between stages: X. Wang, R. Girshick, A. Gupta, K. He: Non-local Neural Networks, CVPR 2018.

A K×K convolution becomes Kt×K×K; its weights are copied Kt times and divided by Kt. Beyond the ends of a clip the first
and the last step are repeated, where the paper pads zeros: so a video that stands still gives, at every step, exactly
what the 2D net gives for its picture.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipeline.errors import ModelError
from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.nonlocal_block import NonLocalBlock
from pipeline.models.encoders.parts import fold_blocks
from pipeline.values import ClipSpec

DEPTHS: tuple[int | str, ...] = ("micro", 18, 34, 50, 101)
MICRO_WIDTHS = (16, 16, 32, 48, 64)
STRIDED = ("conv1", "maxpool", "layer2", "layer3", "layer4")
"""Where a residual net halves its picture."""

_PAIRS = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1"))  # as torchvision names what it chains


class InflatedConv(nn.Conv3d):
    """A 3D convolution that pads zeros in space, and in time repeats the first and the last step."""

    def forward(self, input: Tensor) -> Tensor:
        beyond = self.kernel_size[0] // 2
        return super().forward(pad(input, (0, 0, 0, 0, beyond, beyond), mode="replicate") if beyond else input)


class InflatedResNet(Encoder):
    """A torchvision ResNet, inflated; the feature is the mean of the last maps over space and time.

    Fresh weights are those of a fresh 2D net, inflated. Pointwise convolutions stay pointwise.

    Args:
        depth: 18, 34, 50 or 101 as torchvision builds them, or "micro", a narrow one of four blocks.
        kernel_t: Kt of every convolution that is wider than a point; odd.
        temporal_strides: one for each place where the 2D net halves its picture, in the order of `STRIDED`.
        pool_t: Kt of the max pooling; odd.
        attention_after: stages of 1…4 that a non-local block follows, its keys and values pooled.
        clip: its frames must last for the temporal strides.

    Raises:
        ValueError: a parameter is none of these.
    """

    def __init__(
        self,
        depth: int | str,
        kernel_t: int = 3,
        temporal_strides: Sequence[int] = (1, 1, 1, 1, 1),
        pool_t: int = 1,
        attention_after: Sequence[int] = (),
        *,
        clip: ClipSpec,
    ) -> None:
        super().__init__()
        _require_strides(temporal_strides, clip)
        if len(set(attention_after)) < len(attention_after) or not set(attention_after) <= {1, 2, 3, 4}:
            raise ValueError(f"attention follows stages of 1, 2, 3 and 4, each once, got {list(attention_after)}")
        self.trunk = resnet_2d(depth)
        strides = dict(zip(STRIDED, temporal_strides, strict=True))
        for name, layer in list(self.trunk.named_children()):
            kernel = pool_t if name == "maxpool" else kernel_t
            setattr(self.trunk, name, _inflate_all(layer, kernel, strides.get(name, 1)))
        stages = (f"layer{stage}" for stage in attention_after)
        self.attention = nn.ModuleDict(
            {stage: NonLocalBlock(_width(self.trunk.get_submodule(stage)), pooled=True) for stage in stages}
        )
        self.feature_size = _width(self.trunk)

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        return self.maps(clips_BTCHW).mean((2, 3, 4))

    def maps(self, clips_BTCHW: Tensor) -> Tensor:
        """B×D×T'×H'×W': what the last stage gives."""
        x = clips_BTCHW.transpose(1, 2)
        for name, layer in self.trunk.named_children():
            x = layer(x)
            if name in self.attention:
                x = self.attention[name](x)
        return x

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self.attention)
        for module in list(self.trunk.modules()):
            for conv, norm in _PAIRS:
                _fold(module, conv, norm)


def load_inflated(net: InflatedResNet, weights_2d: Mapping[str, Tensor]) -> None:
    """Give the net the weights of a 2D ResNet, inflated.

    Args:
        net: not folded; its attention keeps its own weights.
        weights_2d: named as in torchvision's state dicts; `fc.…` is left out.

    Raises:
        ModelError: a weight is missing, has another shape or belongs to another net; the net is left as it was.
    """
    own = net.trunk.state_dict()
    for key in weights_2d:
        if key not in own and not key.startswith("fc."):
            raise ModelError(f"2D weight {key} is none of this ResNet's; was it built with another depth?")
    net.trunk.load_state_dict({key: _inflated(key, value, weights_2d) for key, value in own.items()})


def weights_2d(net: InflatedResNet) -> dict[str, Tensor]:
    """The weights of a net that looks at each frame alone, as those of the 2D net that it is.

    Raises:
        ModelError: it does not: its kernels reach over time.
    """
    own = net.trunk.state_dict()
    if any(value.dim() == 5 and value.shape[2] > 1 for value in own.values()):
        raise ModelError("only a ResNet with kernels of one frame (kernel_t 1) can be inflated")
    return {key: value.squeeze(2) if value.dim() == 5 else value for key, value in own.items()}


def resnet_2d(depth: int | str) -> nn.Sequential:
    """Build the 2D net without its head: conv1, bn1, relu, maxpool, layer1 … layer4, as torchvision names them.

    Raises:
        ValueError: there is none of this depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth is one of {', '.join(map(str, DEPTHS))}, got {depth!r}")
    from torchvision.models import resnet  # takes seconds, and models that are no ResNet need not wait for it

    if depth == "micro":
        return nn.Sequential(_micro_layers(resnet.BasicBlock))
    layers = getattr(resnet, f"resnet{depth}")(weights=None).named_children()
    return nn.Sequential(OrderedDict((name, layer) for name, layer in layers if name not in ("avgpool", "fc")))


def inflate(layer: nn.Module, kernel_t: int = 1, stride_t: int = 1) -> nn.Module:
    """Return the 3D layer of a 2D convolution, max pooling or batch norm, with its weights.

    Raises:
        ValueError: another layer, a convolution that does not pad zeros by number, or an even kernel_t.
    """
    if kernel_t < 1 or kernel_t % 2 == 0:
        raise ValueError(f"a kernel in time must be odd, to be centred, got {kernel_t}")
    match layer:
        case nn.Conv2d(padding_mode="zeros", padding=tuple()):
            return _inflate_conv(layer, kernel_t, stride_t)
        case nn.MaxPool2d():
            return _inflate_pool(layer, kernel_t, stride_t)
        case nn.BatchNorm2d():
            norm = nn.BatchNorm3d(layer.num_features, layer.eps, layer.momentum)
            norm.load_state_dict(layer.state_dict())
            return norm
    raise ValueError(f"convolutions padded with zeros, max pooling and batch norms can be inflated, got {layer}")


def inflate_weight(weight_OIHW: Tensor, kernel_t: int) -> Tensor:
    """O×I×Kt×H×W: copied Kt times and divided by Kt."""
    return weight_OIHW[:, :, None].expand(-1, -1, kernel_t, -1, -1) / kernel_t


def _inflate_conv(conv: nn.Conv2d, kernel_t: int, stride_t: int) -> InflatedConv:
    assert not isinstance(conv.padding, str)
    inflated = InflatedConv(
        conv.in_channels,
        conv.out_channels,
        (kernel_t, *_pair(conv.kernel_size)),
        (stride_t, *_pair(conv.stride)),
        (0, *_pair(conv.padding)),
        (1, *_pair(conv.dilation)),
        conv.groups,
        conv.bias is not None,
    )
    with torch.no_grad():
        inflated.weight.copy_(inflate_weight(conv.weight, kernel_t))
        if inflated.bias is not None and conv.bias is not None:
            inflated.bias.copy_(conv.bias)
    return inflated


def _inflate_pool(pool: nn.MaxPool2d, kernel_t: int, stride_t: int) -> nn.MaxPool3d:
    return nn.MaxPool3d(
        (kernel_t, *_pair(pool.kernel_size)),
        (stride_t, *_pair(pool.stride)),
        (kernel_t // 2, *_pair(pool.padding)),
        (1, *_pair(pool.dilation)),
        ceil_mode=pool.ceil_mode,
    )


def _inflate_all(module: nn.Module, kernel_t: int, stride_t: int) -> nn.Module:
    """Inflate all within; a step in time only where there is one in space, a kernel in time only where one in space."""
    if isinstance(module, nn.Conv2d | nn.MaxPool2d):
        wide, strided = max(_pair(module.kernel_size)) > 1, max(_pair(module.stride)) > 1
        return inflate(module, kernel_t if wide else 1, stride_t if strided else 1)
    if isinstance(module, nn.BatchNorm2d):
        return inflate(module)
    for name, child in list(module.named_children()):
        setattr(module, name, _inflate_all(child, kernel_t, stride_t))
    return module


def _micro_layers(block: type[nn.Module]) -> "OrderedDict[str, nn.Module]":
    stem, *widths = MICRO_WIDTHS
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(3, stem, 3, 2, 1, bias=False),
        bn1=nn.BatchNorm2d(stem),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, 2, 1),
    )
    for stage, (inputs, outputs) in enumerate(zip(MICRO_WIDTHS, widths, strict=False), start=1):
        stride = 1 if stage == 1 else 2
        skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        layers[f"layer{stage}"] = nn.Sequential(block(inputs, outputs, stride, None if stage == 1 else skip))
    return layers


def _inflated(key: str, own: Tensor, weights_2d: Mapping[str, Tensor]) -> Tensor:
    """Return the 2D weight of this name in the shape of the net's own."""
    if key not in weights_2d:
        if key.endswith("num_batches_tracked"):  # torchvision's older files have none
            return own
        raise ModelError(f"2D weight {key} is missing")
    given = weights_2d[key]
    wanted = own.shape[:2] + own.shape[3:] if own.dim() == 5 else own.shape
    if given.shape != wanted:
        raise ModelError(f"2D weight {key} must be {tuple(wanted)}, got {tuple(given.shape)}")
    return inflate_weight(given, own.shape[2]) if own.dim() == 5 else given


def _fold(module: nn.Module, conv_name: str, norm_name: str) -> None:
    layers = dict(module.named_children())
    conv, norm = layers.get(conv_name), layers.get(norm_name)
    if isinstance(conv, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d):
        setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
        setattr(module, norm_name, nn.Identity())


def _width(trunk: nn.Module) -> int:
    """Channels of what this part of the trunk gives."""
    return [module.num_features for module in trunk.modules() if isinstance(module, nn.BatchNorm3d)][-1]


def _require_strides(temporal_strides: Sequence[int], clip: ClipSpec) -> None:
    if len(temporal_strides) != len(STRIDED) or min(temporal_strides) < 1:
        raise ValueError(f"want one temporal stride ≥ 1 for each of {', '.join(STRIDED)}, got {list(temporal_strides)}")
    if prod(temporal_strides) > clip.frames:
        raise ValueError(f"temporal strides {list(temporal_strides)} step over a whole clip of {clip.frames} frames")


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
