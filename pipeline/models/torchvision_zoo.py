"""The video classification nets that torchvision publishes with weights of Kinetics-400. Needs no torch.

Frame rates and clip lengths are those of the published evaluation, normalisation and scaling those of the weights'
transforms.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.home import home
from pipeline.values import ClipSpec, Scaling

PREFIX = "torchvision/"
"""What the names of these models begin with."""

WEIGHTS = "KINETICS400_V1"
CLASSES = 400
SMOOTHING_S = 2.0
"""Seconds after which an answer counts 1/e of a new one."""

_CAFFE = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
_GREY = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Net:
    """One net as it was published.

    Attributes:
        row: its place on the ladder.
        file: of its weights; the digits are those with which the SHA-256 of the file begins.
        normalisation: mean and std of RGB in [0, 1].
    """

    row: int
    paper: str
    file: str
    clip: ClipSpec
    normalisation: tuple[Triple, Triple]


def _resnet(file: str) -> Net:
    clip = ClipSpec(16, 112, 112, 15.0, 15, Scaling(128, 171, exact=True))
    return Net(13, "Tran et al., CVPR 2018", file, clip, _CAFFE)


def _mvit(file: str, paper: str) -> Net:
    return Net(12, paper, file, ClipSpec(16, 224, 224, 7.5, 7, Scaling(256, exact=True)), _GREY)


def _swin(file: str) -> Net:
    clip = ClipSpec(32, 224, 224, 15.0, 15, Scaling(256, exact=True))
    return Net(12, "Liu et al., CVPR 2022", file, clip, _IMAGENET)


NETS: Mapping[str, Net] = {
    "mvit_v1_b": _mvit("mvit_v1_b-dbeb1030.pth", "Fan et al., ICCV 2021"),
    "mvit_v2_s": _mvit("mvit_v2_s-ae3be167.pth", "Li et al., CVPR 2022"),
    "swin3d_t": _swin("swin3d_t-7615ae03.pth"),
    "swin3d_s": _swin("swin3d_s-da41c237.pth"),
    "swin3d_b": _swin("swin3d_b_1k-24f7c7c6.pth"),
    "r3d_18": _resnet("r3d_18-b3b3357e.pth"),
    "mc3_18": _resnet("mc3_18-a90a0ba3.pth"),
    "r2plus1d_18": _resnet("r2plus1d_18-91a641e6.pth"),
    "s3d": Net(
        13,
        "Xie et al., ECCV 2018",
        "s3d-d76dad2f.pth",
        ClipSpec(128, 224, 224, 15.0, 15, Scaling(256, 256, exact=True)),
        _CAFFE,
    ),
}


def published_models() -> dict[str, Net]:
    """The nets by the names of their models."""
    return {f"{PREFIX}{name}": net for name, net in NETS.items()}


def folder(name: str) -> Path:
    """Where the model of this name is kept once it is made from its published file.

    A net that a later longtake describes otherwise has another folder.
    """
    facts = json.dumps([asdict(published_models()[name]), SMOOTHING_S], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:8]
    return home() / "models" / "torchvision" / digest / name.removeprefix(PREFIX)
