"""A 2D CNN's last maps of each frame as the feature, for a temporal model that remembers places.

As in N. Ballas, L. Yao, C. Pal, A. Courville: Delving Deeper into Convolutional Networks for Learning Video
Representations, ICLR 2016.
"""

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.frame_cnn import build_backbone
from pipeline.models.encoders.parts import fold_blocks
from pipeline.models.encoders.shift_cnn import by_clip
from pipeline.values import ClipSpec


class FeatureMap(Encoder):
    """The backbone's maps of the clip's newest `stride` frames in a row, each `channels`×side×side.

    Args:
        backbone: a name in `BACKBONES`.
        side: height and width of the map.
        channels: of the map, by a 1×1 convolution.
        clip: it answers for its newest `clip.stride` frames, and only those are looked at.

    Raises:
        ValueError: unknown backbone, pictures too small for it, or a map without positions or channels.
    """

    def __init__(self, backbone: str, side: int, channels: int, clip: ClipSpec) -> None:
        super().__init__()
        if min(side, channels) < 1:
            raise ValueError(f"a map has a side and channels of at least 1, got {side} and {channels}")
        self.backbone = build_backbone(backbone)
        self.backbone.map_elements(clip)
        self.narrow = nn.Conv2d(self.backbone.channels, channels, 1)
        self.side = side
        self.stride = clip.stride
        self.feature_size = channels * side * side * clip.stride

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        newest = clips_BTCHW[:, -self.stride :]
        small = self.narrow(adaptive_avg_pool2d(self.backbone(newest.flatten(0, 1)), self.side))
        return by_clip(small, newest.shape[1]).flatten(1)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; call once, in eval mode."""
        fold_blocks(self)
