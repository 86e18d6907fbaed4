"""A small residual 2D CNN whose frames exchange channels in time.

Temporal exchange follows the temporal shift module (Lin, Gan, Han: TSM, ICCV 2019): inside each residual branch an
eighth of the channels comes from the frame before and an eighth from the frame after, at no multiply-add. The shift
stands before the branch's second convolution, where the picture is smaller, because moving memory is its whole cost.
The stem sees motion directly: half of its channels are differences between neighbouring frames, taken after the
convolution, which is linear, so that they are convolutions of the difference picture.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights

from pipeline.models.encoders.base import Encoder
from pipeline.values import ClipSpec

SHIFTED_PART = 8


def by_clip(x_N: Tensor, frames: int) -> Tensor:
    """View N frames of anything as clips × `frames`."""
    return x_N.view(-1, frames, *x_N.shape[1:])


def shift_in_time(x_NCHW: Tensor, frames: int) -> Tensor:
    """Move an eighth of the channels one frame on and an eighth one frame back, within each clip of `frames` frames.

    Frames beyond the clip's ends count as zero.
    """
    fold = x_NCHW.shape[1] // SHIFTED_PART
    x = by_clip(x_NCHW, frames)
    y = x.clone(memory_format=torch.preserve_format)
    y[:, 1:, :fold] = x[:, :-1, :fold]
    y[:, 0, :fold] = 0
    y[:, :-1, fold : 2 * fold] = x[:, 1:, fold : 2 * fold]
    y[:, -1, fold : 2 * fold] = 0
    return y.flatten(0, 1)


class MotionStem(nn.Module):
    """3×3 convolution of stride 2; the first half of its channels are differences to the frame before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.moving = channels // 2  # `half` would hide the module's own method

    def forward(self, x_NCHW: Tensor, frames: int) -> Tensor:
        x = by_clip(self.conv(x_NCHW), frames)
        y = x.clone(memory_format=torch.preserve_format)
        y[:, 1:, : self.moving] -= x[:, :-1, : self.moving]
        y[:, 0, : self.moving] = 0
        return relu(self.norm(y.flatten(0, 1)), inplace=True)

    def fold(self) -> None:
        """Merge the norm's scale into the convolution; its offset must stay behind the difference."""
        assert isinstance(self.norm, nn.BatchNorm2d)
        weight, bias = fuse_conv_bn_weights(self.conv.weight, None, *_norm_values(self.norm))
        self.conv.weight, self.norm = weight, Offset(bias)


class Offset(nn.Module):
    """Adds one number per channel."""

    def __init__(self, offset_C: Tensor) -> None:
        super().__init__()
        self.offset = nn.Parameter(offset_C.detach()[:, None, None])

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return x_NCHW + self.offset


class ShiftBlock(nn.Module):
    """Residual block of two 3×3 convolutions, the first of stride `stride`, with a shift in time between them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1: nn.Module = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2: nn.Module = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.skip: nn.Module = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.skip_norm: nn.Module = nn.Identity() if same else nn.BatchNorm2d(outputs)

    def forward(self, x_NCHW: Tensor, frames: int) -> Tensor:
        y = relu(self.norm1(self.conv1(x_NCHW)), inplace=True)
        y = self.norm2(self.conv2(shift_in_time(y, frames)))
        return relu(y + self.skip_norm(self.skip(x_NCHW)), inplace=True)

    def fold(self) -> None:
        """Merge each norm into the convolution before it."""
        self.conv1, self.norm1 = _fold(self.conv1, self.norm1), nn.Identity()
        self.conv2, self.norm2 = _fold(self.conv2, self.norm2), nn.Identity()
        if isinstance(self.skip, nn.Conv2d):
            self.skip, self.skip_norm = _fold(self.skip, self.skip_norm), nn.Identity()


class ShiftCnn(Encoder):
    """Stem, then blocks that halve the resolution each time the width changes.

    Args:
        widths: channels of the stem and of each stage.
        blocks: residual blocks per stage.
        clip: a clip answers for its newest `clip.stride` frames.

    The feature of a clip is the mean over its newest `stride` frames, beside the mean over all of its frames;
    a frame's own feature is the spatial mean beside the spatial maximum.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], clip: ClipSpec) -> None:
        super().__init__()
        if len(blocks) != len(widths) - 1:
            raise ValueError(f"want one number of blocks per stage after the stem, got {widths} and {blocks}")
        self.stem = MotionStem(widths[0])
        stages = zip(widths, widths[1:], blocks, strict=False)
        self.blocks = nn.ModuleList(
            ShiftBlock(outputs if i else inputs, outputs, 1 if i else 2)
            for inputs, outputs, count in stages
            for i in range(count)
        )
        self.stride = clip.stride
        self.frame_size = 2 * widths[-1]
        self.feature_size = 2 * self.frame_size

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        return self.clip_features(self.frame_features(clips_BTCHW))

    def frame_features(self, clips_BTCHW: Tensor) -> Tensor:
        """B×T×F: one feature per frame, for dense supervision in training."""
        frames = clips_BTCHW.shape[1]
        x = self.stem(clips_BTCHW.flatten(0, 1), frames)
        for block in self.blocks:
            x = block(x, frames)
        return by_clip(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1), frames)

    def clip_features(self, frames_BTF: Tensor) -> Tensor:
        """B×D: what the clip says of its newest `stride` frames, from its frame features."""
        return torch.cat([frames_BTF[:, -self.stride :].mean(1), frames_BTF.mean(1)], 1)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        self.stem.fold()
        for block in self.blocks:
            assert isinstance(block, ShiftBlock)
            block.fold()


def _fold(conv: nn.Module, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv, norm)


def _norm_values(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, float, Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
