"""Training that begins with weights torchvision publishes, read from files that the test writes in their format."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet, video

from pipeline.errors import ModelError, UsageError
from pipeline.models import conversion
from pipeline.models.conversion import RESNETS, begin_with
from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.inflation import InflatedResNet
from pipeline.models.encoders.shift_cnn import ShiftCnn
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.values import ClipSpec
from tests.models.publishing import publish

CLIP = ClipSpec(frames=4, height=32, width=32, fps=5.0, stride=4)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, torch.Tensor]:
    """A 2D ResNet and a video net, where a user would put them; returns both nets' weights."""
    torch.manual_seed(0)
    states = {"resnet18": resnet.resnet18(weights=None).state_dict(), "mc3_18": video.mc3_18(weights=None).state_dict()}
    files = {net: publish(tmp_path, state, net) for net, state in states.items()}
    monkeypatch.setenv("LONGTAKE_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setattr(conversion, "_weights", files.__getitem__)
    return states


def test_the_weights_of_a_2d_net_are_inflated(published: Any) -> None:
    encoder = InflatedResNet(18, kernel_t=3, clip=CLIP)
    record = begin_with("torchvision/resnet18", encoder)
    weights = published["resnet18"]["layer1.0.conv1.weight"]
    assert torch.equal(
        encoder.trunk.state_dict()["layer1.0.conv1.weight"].sum(2), weights / 3 + weights / 3 + weights / 3
    )
    assert record["name"] == "torchvision/resnet18" and record["file"].startswith("resnet18-")


def test_a_video_net_begins_with_all_but_its_classifier(published: Any) -> None:
    encoder = TorchvisionNet("mc3_18", clip=CLIP)
    begin_with("torchvision/mc3_18", encoder)
    for key, value in encoder.net.state_dict().items():
        assert torch.equal(value, published["mc3_18"][key]), key


def test_a_net_of_another_depth_is_left_as_it_was(published: Any) -> None:
    encoder = InflatedResNet("micro", clip=CLIP)
    with pytest.raises(ModelError, match="is none of this ResNet's; was it built with another depth"):
        begin_with("torchvision/resnet18", encoder)


@pytest.mark.parametrize(
    ("name", "encoder", "sentence"),
    [
        ("resnet18", ShiftCnn([8, 8], [1], clip=CLIP), "resnet18 is a start for an inflated_resnet of this depth, not"),
        ("mc3_18", InflatedResNet("micro", clip=CLIP), "is a start for the architecture torchvision/mc3_18, not"),
        ("mc3_18", TorchvisionNet("r3d_18", clip=CLIP), "is a start for the architecture torchvision/mc3_18, not"),
    ],
)
def test_weights_of_another_encoder_are_no_start(name: str, encoder: Encoder, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        begin_with(f"torchvision/{name}", encoder)


def test_an_unknown_start_is_told_which_there_are() -> None:
    with pytest.raises(UsageError, match=r"'torchvision/vgg16'; choose one of torchvision/resnet18, .*torchvision/s3d"):
        begin_with("torchvision/vgg16", InflatedResNet("micro", clip=CLIP))


@pytest.mark.parametrize(("net", "version"), RESNETS.items())
def test_the_newest_weights_of_a_2d_net_are_meant(net: str, version: str) -> None:
    assert conversion._weights(net).name == version
    assert conversion._weights(net) is type(conversion._weights(net)).DEFAULT
