"""Frames through a 2D CNN, and four ways to one answer: each frame alone, late fusion by FC or pooling, early fusion.

A. Karpathy, G. Toderici, S. Shetty, T. Leung, R. Sukthankar, L. Fei-Fei: Large-scale Video Classification with
Convolutional Neural Networks, CVPR 2014. Late pooling: J. Y.-H. Ng, M. Hausknecht, S. Vijayanarasimhan, O. Vinyals,
R. Monga, G. Toderici: Beyond Short Snippets, CVPR 2015 (there by maximum over time, here by mean).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.parts import ConvNormRelu, fold_blocks
from pipeline.models.encoders.shift_cnn import by_clip
from pipeline.values import ClipSpec

L = TypeVar("L", nn.Conv2d, nn.Conv3d, nn.Linear)

RGB = 3
MICRO_WIDTHS = (16, 32, 64, 96)


@dataclass(frozen=True, slots=True)
class AlexNetStage:
    """A convolution and ReLU; then, where wanted, local response norm and 2×2 max pooling. Sizes are spatial."""

    width: int
    kernel: int
    stride: int = 1
    padding: int = 0
    normed: bool = False
    pooled: bool = False


ALEXNET = (
    AlexNetStage(96, 11, stride=3, normed=True, pooled=True),
    AlexNetStage(256, 5, padding=2, normed=True, pooled=True),
    AlexNetStage(384, 3, padding=1),
    AlexNetStage(384, 3, padding=1),
    AlexNetStage(256, 3, padding=1, pooled=True),
)
"""The paper's net up to its last map. It leaves padding open; so padded, and with pooling that keeps the last odd row,
170×170 pictures end as the 7×7×256 that it names."""


class LocalResponseNorm(nn.Module):
    """Divides each number by (2 + 1e-4 · sum of squares over 5 neighbouring channels)^0.75; N×C×… in and out.

    A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet Classification with Deep CNNs, NIPS 2012. torch's own has no
    bfloat16, and takes the mean of squares for the sum.
    """

    def forward(self, x: Tensor) -> Tensor:
        square = pad(x.square(), (0, 0) * (x.dim() - 2) + (2, 2))
        return x / (2 + 1e-4 * square.unfold(1, 5, 1).sum(-1)) ** 0.75


class Backbone(nn.Sequential):
    """Stages of layers from N×inputs×H×W pictures to N×`channels`×h×w maps."""

    def __init__(self, channels: int, *stages: nn.Module) -> None:
        super().__init__(*stages)
        self.channels = channels

    def map_elements(self, clip: ClipSpec) -> int:
        """How many numbers the maps of one picture are.

        Raises:
            ValueError: pictures are too small.
        """
        return self.channels * prod(map_size(self, clip.height, clip.width))


class GlobalMean(nn.Module):
    """The mean over all positions: N×C×… to N×C."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).mean(2)


class FullyConnected(nn.Sequential):
    """Linear, ReLU and dropout, once for each of `widths`."""

    def __init__(self, inputs: int, widths: Sequence[int], dropout: float) -> None:
        if not widths or min(widths) < 1:
            raise ValueError(f"want the widths of one or more fully connected layers, got {list(widths)}")
        layers: list[nn.Module] = []
        for narrow, wide in pairwise([inputs, *widths]):
            layers += [rectified(nn.Linear(narrow, wide)), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        super().__init__(*layers)


def rectified(layer: L) -> L:
    """Give a layer before a ReLU the fresh weights of He et al. (ICCV 2015): without norms, others fade with depth."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def micro(inputs: int) -> Backbone:
    """A narrow net of seven 3×3 convolutions that halves the picture four times."""
    stages: list[nn.Module] = [ConvNormRelu(inputs, MICRO_WIDTHS[0], 3, 2, 1, dimensions=2)]
    for narrow, wide in pairwise(MICRO_WIDTHS):
        smaller = ConvNormRelu(narrow, wide, 3, 2, 1, dimensions=2)
        stages.append(nn.Sequential(smaller, ConvNormRelu(wide, wide, 3, 1, 1, dimensions=2)))
    return Backbone(MICRO_WIDTHS[-1], *stages)


def alexnet(inputs: int) -> Backbone:
    """The convolutions of the paper's single-frame net."""
    widths = [inputs, *(stage.width for stage in ALEXNET)]
    stages = zip(widths, ALEXNET, strict=False)
    return Backbone(widths[-1], *(_alexnet_stage(channels, stage) for channels, stage in stages))


def _alexnet_stage(inputs: int, stage: AlexNetStage) -> nn.Sequential:
    conv = nn.Conv2d(inputs, stage.width, stage.kernel, stage.stride, stage.padding)
    layers = nn.Sequential(rectified(conv), nn.ReLU(inplace=True))
    if stage.normed:
        layers.append(LocalResponseNorm())
    if stage.pooled:
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return layers


BACKBONES: Mapping[str, Callable[[int], Backbone]] = {"alexnet": alexnet, "micro": micro}


def build_backbone(
    name: str, inputs: int = RGB, backbones: Mapping[str, Callable[[int], Backbone]] = BACKBONES
) -> Backbone:
    """A 2D backbone by its name.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in backbones:
        raise ValueError(f"unknown backbone {name!r}; choose one of {', '.join(sorted(backbones))}")
    return backbones[name](inputs)


def map_size(layers: nn.Module, *size: int) -> tuple[int, ...]:
    """The size of the maps that a chain of layers gives for pictures of H×W, or clips of T×H×W.

    Raises:
        ValueError: the pictures or clips are too small for the layers.
    """
    given = size
    for layer in layers.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.MaxPool3d)):
            size = tuple(_positions(layer, axis, length) for axis, length in enumerate(size))
            if min(size) < 1:
                raise ValueError(f"{'×'.join(map(str, given))} is too small: nothing is left behind {layer}")
    return size


def _positions(layer: nn.Conv2d | nn.Conv3d | nn.MaxPool2d | nn.MaxPool3d, axis: int, length: int) -> int:
    """Where along one axis a kernel finds room; it may stand out by what is left over if the layer rounds up."""
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    kernel, stride, padding = (int(size if isinstance(size, int) else size[axis]) for size in sizes)
    spare = stride - 1 if getattr(layer, "ceil_mode", False) else 0
    return (length + 2 * padding - kernel + spare) // stride + 1


def to_vector(inputs: int, hidden: Sequence[int], dropout: float) -> nn.Sequential:
    """From maps of `inputs` numbers to a feature: fully connected layers, or the mean where `hidden` is empty."""
    if not hidden:
        return nn.Sequential(GlobalMean())
    return nn.Sequential(nn.Flatten(), FullyConnected(inputs, hidden, dropout))


class FrameCnn(Encoder):
    """Each frame on its own; the feature is the T frames' features in a row, for a `FrameAverage` to take apart.

    Args:
        backbone: a name in `BACKBONES`.
        hidden: widths of fully connected layers over a frame's maps; the maps' mean over space where empty.
        dropout: behind each fully connected layer, in training only.
        clip: how many frames, and how large.

    Raises:
        ValueError: unknown backbone, impossible widths, or pictures too small for the backbone.
    """

    def __init__(self, backbone: str, hidden: Sequence[int] = (), dropout: float = 0.5, *, clip: ClipSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        self.head = to_vector(self.backbone.map_elements(clip), hidden, dropout)
        self.feature_size = clip.frames * (hidden[-1] if hidden else self.backbone.channels)

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        x_NF: Tensor = self.head(self.backbone(clips_BTCHW.flatten(0, 1)))
        return by_clip(x_NF, clips_BTCHW.shape[1]).flatten(1)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)


class LateFusion(Encoder):
    """Each frame through the same net; fully connected layers over the features of all T frames.

    Args:
        backbone: a name in `BACKBONES`.
        hidden: widths of the fully connected layers; the first holds a T·D × hidden[0] matrix.
        pooled: a frame's D features are its maps' means over space; else all of their positions, as in the paper.
        dropout: behind each fully connected layer, in training only.
        clip: how many frames, and how large. The paper's has two, 15 frames apart.

    Raises:
        ValueError: unknown backbone, impossible widths, or pictures too small for the backbone.
    """

    def __init__(
        self, backbone: str, hidden: Sequence[int], pooled: bool = True, dropout: float = 0.5, *, clip: ClipSpec
    ) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        maps = self.backbone.map_elements(clip)
        self.frame: nn.Module = GlobalMean() if pooled else nn.Flatten()
        frame_size = self.backbone.channels if pooled else maps
        self.fusion = FullyConnected(clip.frames * frame_size, hidden, dropout)
        self.feature_size = hidden[-1]

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        x_ND: Tensor = self.frame(self.backbone(clips_BTCHW.flatten(0, 1)))
        y: Tensor = self.fusion(by_clip(x_ND, clips_BTCHW.shape[1]).flatten(1))
        return y

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)


class LatePooling(Encoder):
    """Each frame through the same net; the feature is the mean of all maps over space and time.

    Args:
        backbone: a name in `BACKBONES`.
        clip: how many frames, and how large.

    Raises:
        ValueError: unknown backbone, or pictures too small for it.
    """

    def __init__(self, backbone: str, clip: ClipSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        self.backbone.map_elements(clip)
        self.feature_size = self.backbone.channels

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        maps: Tensor = self.backbone(clips_BTCHW.flatten(0, 1))
        return by_clip(maps.mean((2, 3)), clips_BTCHW.shape[1]).mean(1)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)


class EarlyFusion(Encoder):
    """All T frames at once into the first convolution, as 3T channels; behind it an ordinary 2D CNN.

    Args:
        backbone: a name in `BACKBONES`.
        hidden: widths of fully connected layers over the maps; the maps' mean over space where empty.
        dropout: behind each fully connected layer, in training only.
        clip: how many frames, and how large.

    Raises:
        ValueError: unknown backbone, impossible widths, or pictures too small for the backbone.
    """

    def __init__(self, backbone: str, hidden: Sequence[int] = (), dropout: float = 0.5, *, clip: ClipSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone, RGB * clip.frames)
        self.head = to_vector(self.backbone.map_elements(clip), hidden, dropout)
        self.feature_size = hidden[-1] if hidden else self.backbone.channels

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        y: Tensor = self.head(self.backbone(clips_BTCHW.flatten(1, 2)))
        return y

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)
