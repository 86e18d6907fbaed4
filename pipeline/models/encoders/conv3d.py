"""Convolution and pooling in space and time, all the way: slow fusion and C3D.

Slow fusion: A. Karpathy, G. Toderici, S. Shetty, T. Leung, R. Sukthankar, L. Fei-Fei: Large-scale Video Classification
with Convolutional Neural Networks, CVPR 2014. C3D: D. Tran, L. Bourdev, R. Fergus, L. Torresani, M. Paluri: Learning
Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015. Attention between stages: X. Wang, R. Girshick,
A. Gupta, K. He: Non-local Neural Networks, CVPR 2018.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

from torch import Tensor, nn

from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.frame_cnn import (
    ALEXNET,
    MICRO_WIDTHS,
    RGB,
    AlexNetStage,
    FullyConnected,
    LocalResponseNorm,
    map_size,
    rectified,
    to_vector,
)
from pipeline.models.encoders.nonlocal_block import NonLocalBlock
from pipeline.models.encoders.parts import ConvNormRelu, fold_blocks
from pipeline.values import ClipSpec

EXTENTS = ((4, 2), (2, 2), (2, 2), (1, 1), (1, 1))
"""Extent and stride in time of slow fusion's five convolutions: 10 frames become 4, 2, and 1."""

C3D_CONVOLUTIONS = (1, 1, 2, 2, 2)
"""How many convolutions C3D has before each of its five poolings."""


class SlowFusion(Encoder):
    """A 2D CNN whose convolutions and poolings reach over time too: higher layers see more frames.

    Args:
        backbone: `alexnet`, the paper's, for 10 frames; or `micro`, 3×3×3 convolutions with 2×2×2 poolings.
        widths: channels of each stage; the backbone's own where empty.
        hidden: widths of fully connected layers over the last maps; their mean over space and time where empty.
        dropout: behind each fully connected layer, in training only.
        attention_after: stages, counted from 1, that a non-local block follows.
        clip: how many frames, and how large.

    Raises:
        ValueError: unknown backbone, impossible widths or stages, or clips too small for the backbone.
    """

    def __init__(
        self,
        backbone: str,
        widths: Sequence[int] = (),
        hidden: Sequence[int] = (),
        dropout: float = 0.5,
        attention_after: Sequence[int] = (),
        *,
        clip: ClipSpec,
    ) -> None:
        super().__init__()
        if backbone not in STAGES:
            raise ValueError(f"unknown backbone {backbone!r}; choose one of {', '.join(sorted(STAGES))}")
        self.stages, channels = STAGES[backbone](widths)
        maps = map_size(self.stages, clip.frames, clip.height, clip.width)
        _attend(self.stages, channels, attention_after)
        self.head = to_vector(channels[-1] * prod(maps), hidden, dropout)
        self.feature_size = hidden[-1] if hidden else channels[-1]

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        y: Tensor = self.head(self.stages(clips_BTCHW.transpose(1, 2)))
        return y

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)


class C3d(Encoder):
    """Eight convolutions of 3×3×3, five poolings, two fully connected layers; the feature is the last of them, fc7.

    Args:
        widths: channels between the poolings, five of them.
        hidden: widths of the fully connected layers.
        dropout: behind each of them, in training only.
        clip: how many frames, and how large; the paper's has 16 of 112×112.

    Raises:
        ValueError: impossible widths, or clips too small for five poolings.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        hidden: Sequence[int] = (4096, 4096),
        dropout: float = 0.5,
        *,
        clip: ClipSpec,
    ) -> None:
        super().__init__()
        _require_widths(widths, len(C3D_CONVOLUTIONS))
        self.convolutions = _c3d_layers(widths)
        maps = map_size(self.convolutions, clip.frames, clip.height, clip.width)
        self.fully_connected = FullyConnected(widths[-1] * prod(maps), hidden, dropout)
        self.feature_size = hidden[-1]

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        y: Tensor = self.fully_connected(self.convolutions(clips_BTCHW.transpose(1, 2)).flatten(1))
        return y

    def fold(self) -> None:
        """Nothing to merge: C3D has no norms."""


def _c3d_layers(widths: Sequence[int]) -> nn.Sequential:
    layers, inputs, last = nn.Sequential(), RGB, len(widths)
    for group, (width, count) in enumerate(zip(widths, C3D_CONVOLUTIONS, strict=True), 1):
        for letter in "ab"[:count]:
            layers.add_module(f"conv{group}{letter}", rectified(nn.Conv3d(inputs, width, 3, padding=1)))
            layers.add_module(f"relu{group}{letter}", nn.ReLU(inplace=True))
            inputs = width
        kernel, padding = (1 if group == 1 else 2, 2, 2), (0, 1, 1) if group == last else 0
        layers.add_module(f"pool{group}", nn.MaxPool3d(kernel, padding=padding))
    return layers


def _micro_stages(widths: Sequence[int]) -> tuple[nn.Sequential, Sequence[int]]:
    """The first convolution halves the picture; poolings halve it too and, but for the first, time; none comes last."""
    widths = widths or MICRO_WIDTHS
    _require_widths(widths, len(MICRO_WIDTHS))
    stages, inputs, last = nn.Sequential(), RGB, len(widths)
    for number, width in enumerate(widths, 1):
        conv = ConvNormRelu(inputs, width, 3, (1, 2, 2) if number == 1 else 1, 1)
        pool = nn.Identity() if number == last else nn.MaxPool3d((1 if number == 1 else 2, 2, 2))
        stages.append(nn.Sequential(conv, pool))
        inputs = width
    return stages, widths


def _alexnet_stages(widths: Sequence[int]) -> tuple[nn.Sequential, Sequence[int]]:
    widths = widths or [stage.width for stage in ALEXNET]
    _require_widths(widths, len(ALEXNET))
    columns = zip([RGB, *widths], widths, ALEXNET, EXTENTS, strict=False)
    return nn.Sequential(*(_alexnet_stage(*column) for column in columns)), widths


def _alexnet_stage(inputs: int, width: int, stage: AlexNetStage, extent: tuple[int, int]) -> nn.Sequential:
    kernel, stride = ((time, space, space) for time, space in zip(extent, (stage.kernel, stage.stride), strict=True))
    conv = nn.Conv3d(inputs, width, kernel, stride, (0, stage.padding, stage.padding))
    layers = nn.Sequential(rectified(conv), nn.ReLU(inplace=True))
    if stage.normed:
        layers.append(LocalResponseNorm())
    if stage.pooled:
        layers.append(nn.MaxPool3d((1, 2, 2), ceil_mode=True))
    return layers


STAGES: Mapping[str, Callable[[Sequence[int]], tuple[nn.Sequential, Sequence[int]]]] = {
    "alexnet": _alexnet_stages,
    "micro": _micro_stages,
}


def _attend(stages: nn.Sequential, channels: Sequence[int], attention_after: Sequence[int]) -> None:
    known = range(1, len(stages) + 1)
    if len(set(attention_after)) < len(attention_after) or not set(attention_after) <= set(known):
        raise ValueError(f"attention follows stages of 1…{len(stages)}, each once, got {list(attention_after)}")
    for number in attention_after:
        stage = stages[number - 1]
        assert isinstance(stage, nn.Sequential)
        stage.append(NonLocalBlock(channels[number - 1]))


def _require_widths(widths: Sequence[int], count: int) -> None:
    if len(widths) != count or min(widths) < 1:
        raise ValueError(f"want {count} widths of at least 1, got {list(widths)}")
