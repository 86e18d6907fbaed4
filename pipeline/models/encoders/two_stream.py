"""Two streams: a 2D CNN that looks at one frame, and one that looks at how everything moved just before it.

K. Simonyan, A. Zisserman: Two-Stream Convolutional Networks for Action Recognition in Videos, NIPS 2014.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.frame_cnn import (
    BACKBONES,
    RGB,
    Backbone,
    LocalResponseNorm,
    build_backbone,
    rectified,
    to_vector,
)
from pipeline.models.encoders.parts import fold_blocks
from pipeline.values import ClipSpec

FURTHEST = 20.0
"""Pixels. Longer displacements count as so long, as has been usual since J. Carreira, A. Zisserman (CVPR 2017)."""


def cnn_m(inputs: int, second_norm: bool = True) -> Backbone:
    """The convolutions of CNN-M-2048 (K. Chatfield et al., BMVC 2014); the paper's temporal net has no second norm."""
    second = [LocalResponseNorm()] if second_norm else []
    return Backbone(
        512,
        nn.Sequential(*_convolution(inputs, 96, 7, stride=2), LocalResponseNorm(), _pool()),
        nn.Sequential(*_convolution(96, 256, 5, stride=2, padding=1), *second, _pool()),
        nn.Sequential(*_convolution(256, 512, 3, padding=1)),
        nn.Sequential(*_convolution(512, 512, 3, padding=1)),
        nn.Sequential(*_convolution(512, 512, 3, padding=1), _pool()),
    )


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> Sequence[nn.Module]:
    return rectified(nn.Conv2d(inputs, outputs, kernel, stride, padding)), nn.ReLU(inplace=True)


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


SPATIAL: Mapping[str, Callable[[int], Backbone]] = {**BACKBONES, "cnn_m": cnn_m}
TEMPORAL: Mapping[str, Callable[[int], Backbone]] = {**BACKBONES, "cnn_m": partial(cnn_m, second_norm=False)}


def without_pan(motion_BL2HW: Tensor) -> Tensor:
    """Each field less its mean vector: most of what the camera's own movement adds to it."""
    motion = motion_BL2HW.clamp(-FURTHEST, FURTHEST)
    return motion - motion.mean((-2, -1), keepdim=True)


class TwoStream(Encoder):
    """The clip's newest frame through one net, L fields of motion as 2L channels through another.

    The feature is both nets' features side by side, the spatial first, for a `StreamFusion` to take apart: the streams
    share nothing. Displacements come in as pixels, which are about as large as normalised colours are.

    Args:
        backbone: a name in `SPATIAL` and `TEMPORAL`.
        hidden: widths of fully connected layers over a stream's maps; the maps' mean over space where empty.
        dropout: behind each fully connected layer, in training only; the paper's temporal stream has 0.9.
        clip: how large the frames are, and the motion.

    Raises:
        ValueError: the clip has no motion, unknown backbone, impossible widths, or pictures too small for the backbone.
    """

    wants_motion: ClassVar[bool] = True

    def __init__(self, backbone: str, hidden: Sequence[int] = (), dropout: float = 0.9, *, clip: ClipSpec) -> None:
        super().__init__()
        motion = clip.motion
        if motion is None:
            raise ValueError("two streams want a clip with motion")
        spatial = build_backbone(backbone, RGB, SPATIAL)
        temporal = build_backbone(backbone, 2 * motion.pairs, TEMPORAL)
        fields = replace(clip, height=motion.height, width=motion.width)
        self.spatial = nn.Sequential(spatial, to_vector(spatial.map_elements(clip), hidden, dropout))
        self.temporal = nn.Sequential(temporal, to_vector(temporal.map_elements(fields), hidden, dropout))
        self.feature_size = 2 * (hidden[-1] if hidden else spatial.channels)

    def forward(self, clips_BTCHW: Tensor, motion_BL2HW: Tensor) -> Tensor:  # type: ignore[override]  # it wants motion
        fields = without_pan(motion_BL2HW).to(clips_BTCHW.dtype).flatten(1, 2)
        return torch.cat([self.spatial(clips_BTCHW[:, -1]), self.temporal(fields)], 1)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)
