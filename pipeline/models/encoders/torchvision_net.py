"""The video classification nets of torchvision, under its own names and with its own weights.

r3d_18, mc3_18, r2plus1d_18: D. Tran, H. Wang, L. Torresani, J. Ray, Y. LeCun, M. Paluri: A Closer Look at
Spatiotemporal Convolutions for Action Recognition, CVPR 2018. s3d: S. Xie, C. Sun, J. Huang, Z. Tu, K. Murphy:
Rethinking Spatiotemporal Feature Learning, ECCV 2018. mvit_v1_b: H. Fan et al.: Multiscale Vision Transformers, ICCV
2021. mvit_v2_s: Y. Li et al.: MViTv2, CVPR 2022. swin3d_t, swin3d_s, swin3d_b: Z. Liu et al.: Video Swin Transformer,
CVPR 2022.
"""

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipeline.models.encoders.base import Encoder
from pipeline.models.published import fit
from pipeline.models.torchvision_zoo import NETS
from pipeline.values import ClipSpec

_LEAST = 16, 224, 224
"""Frames, height and width below which s3d has nothing to average; an MViT has learned a place for each patch of it."""


class TorchvisionNet(Encoder):
    """One of torchvision's nets; its weights keep their published names behind `net.`.

    Args:
        net: its name.
        classes: logits of the net's own classifier, which then are the feature; 0 for none: the feature is what the
            classifier would be given.
        clip: 16×224×224 for an MViT, as much or more for s3d.

    Raises:
        ValueError: there is none of this name, or it cannot see such clips.
    """

    def __init__(self, net: str, classes: int = 0, *, clip: ClipSpec) -> None:
        super().__init__()
        if net not in NETS:
            raise ValueError(f"torchvision's nets are {', '.join(NETS)}, got {net!r}")
        self.name = net
        self.net = _built(net, clip, classes or 1)
        self.classifier, classifier = list(self.net.named_children())[-1]
        self.feature_size = classes or _inputs(classifier)
        if not classes:
            setattr(self.net, self.classifier, nn.Identity())

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        features: Tensor = self.net(clips_BTCHW.transpose(1, 2))
        return features

    def take(self, weights: Mapping[str, Tensor], origin: str) -> None:
        """Begin with published weights; those of the classifier are left out where there is none.

        Raises:
            ModelError: they do not fit.
        """
        own = isinstance(getattr(self.net, self.classifier), nn.Identity)
        left_out = (f"{self.classifier}.",) if own else ()
        fit(self.net, {key: value for key, value in weights.items() if not key.startswith(left_out)}, origin)

    def fold(self) -> None:
        """Merge every batch norm into the convolution before it; the transformers have none."""
        for chain in [module for module in self.net.modules() if isinstance(module, nn.Sequential)]:
            for (name, before), (after, norm) in pairwise(list(chain.named_children())):
                if isinstance(norm, nn.BatchNorm3d):
                    _fold(chain, name, before, norm)
                    setattr(chain, after, nn.Identity())


def _built(name: str, clip: ClipSpec, classes: int) -> nn.Module:
    from torchvision.models import video  # takes seconds, and other models need not wait for it

    size = clip.frames, clip.height, clip.width
    if name.startswith("mvit") and size != _LEAST:
        raise ValueError(f"{name} sees clips of {_LEAST} only, got {size}")
    if name == "s3d" and any(given < least for given, least in zip(size, _LEAST, strict=True)):
        raise ValueError(f"s3d sees clips of {_LEAST} or more, got {size}")
    net: nn.Module = getattr(video, name)(weights=None, num_classes=classes)
    return net


def _inputs(classifier: nn.Module) -> int:
    """How many numbers a linear or pointwise classifier is given."""
    linear = [module for module in classifier.modules() if isinstance(module, nn.Linear | nn.Conv3d)]
    return linear[-1].weight.shape[1]


def _fold(chain: nn.Sequential, name: str, before: nn.Module, norm: nn.BatchNorm3d) -> None:
    """Merge a norm into what stands before it: a convolution, or a chain that ends with one."""
    if isinstance(before, nn.Sequential):
        last, conv = list(before.named_children())[-1]
        chain, name, before = before, last, conv
    assert isinstance(before, nn.Conv3d)
    setattr(chain, name, fuse_conv_bn_eval(before, norm))
