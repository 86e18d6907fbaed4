"""torchvision's video nets as encoders: their published figures, weights under their own names, norms folded."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models import get_model_weights, video

from pipeline.errors import ModelError
from pipeline.models.anatomy import dissect
from pipeline.models.build import build
from pipeline.models.card import Part
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.models.ladder import architectures
from pipeline.models.torchvision_zoo import CLASSES, NETS, PREFIX
from pipeline.values import ClipSpec
from tests.models.nets import clips, settled

SMALL = ClipSpec(frames=4, height=32, width=32, fps=15.0, stride=4)
LEAST = {"mvit_v1_b": (16, 224), "mvit_v2_s": (16, 224), "s3d": (16, 224)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def spec(net: str) -> ClipSpec:
    """The smallest clip that a net can see, or nearly."""
    frames, side = LEAST.get(net, (4, 32))
    return ClipSpec(frames, side, side, fps=15.0, stride=frames)


@pytest.mark.parametrize("net", NETS)
def test_a_net_has_its_published_figures_which_torchvision_counts_on_16_frames(net: str) -> None:
    blueprint = architectures()[PREFIX + net][1]
    card = replace(blueprint, clip=replace(blueprint.clip, frames=16)).card(net)
    meta = get_model_weights(net)["KINETICS400_V1"].meta
    anatomy = dissect(card)
    assert anatomy.parameters == meta["num_params"]
    assert anatomy.gmac == pytest.approx(meta["_ops"], abs=6e-4)


@pytest.mark.parametrize("net", NETS)
def test_every_weight_keeps_its_published_name_behind_a_prefix(net: str) -> None:
    with torch.device("meta"):
        encoder = TorchvisionNet(net, CLASSES, clip=NETS[net].clip)
        published = getattr(video, net)(weights=None).state_dict()
    own = encoder.state_dict()
    assert [(f"net.{key}", value.shape) for key, value in published.items()] == [(k, v.shape) for k, v in own.items()]


@pytest.mark.slow
@pytest.mark.parametrize("net", ["r3d_18", "swin3d_t"])
def test_with_published_weights_it_gives_what_the_published_net_gives(net: str) -> None:
    published = getattr(video, net)(weights=None, num_classes=7).eval()
    encoder = TorchvisionNet(net, 7, clip=SMALL).eval()
    encoder.take(published.state_dict(), "here")
    x = clips(2, SMALL)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(x), published(x.transpose(1, 2)), rtol=0, atol=0)


def test_without_classes_the_feature_is_what_the_classifier_is_given() -> None:
    whole, part = (TorchvisionNet("mc3_18", classes, clip=SMALL).eval() for classes in (7, 0))
    part.take(whole.net.state_dict(), "here")
    classifier = getattr(whole.net, whole.classifier)
    x = clips(2, SMALL)
    with torch.inference_mode():
        torch.testing.assert_close(classifier(part(x)), whole(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_the_feature_is_as_long_as_it_says(net: str) -> None:
    with torch.device("meta"):
        for classes in (0, 7):
            encoder = TorchvisionNet(net, classes, clip=spec(net)).eval()
            x = torch.empty(1, spec(net).frames, 3, spec(net).height, spec(net).width)
            assert encoder(x).shape == (1, encoder.feature_size)
    assert encoder.feature_size == 7


def test_weights_of_another_net_are_refused_by_name() -> None:
    other = TorchvisionNet("r3d_18", 7, clip=SMALL)
    with pytest.raises(ModelError, match=r"weights in a file are not those of this net; \d+ do not fit, as layer2"):
        other.take(TorchvisionNet("mc3_18", 7, clip=SMALL).net.state_dict(), "a file")


@pytest.mark.parametrize("net", ["mc3_18", "r2plus1d_18", pytest.param("s3d", marks=pytest.mark.slow)])
def test_folding_every_norm_into_its_convolution_changes_no_answer(net: str) -> None:
    encoder = TorchvisionNet(net, 7, clip=spec(net))
    shown = replace(SMALL, frames=8)
    if net == "s3d":  # whose last layers, behind the norms, want larger pictures
        encoder.net.avgpool = encoder.net.classifier = nn.Identity()
    settled(encoder, shown)
    x = clips(2, shown)
    with torch.inference_mode():
        before = encoder(x)
        encoder.fold()
        torch.testing.assert_close(encoder(x), before, rtol=1e-3, atol=1e-3 * float(before.abs().max()))
    assert not any(isinstance(module, nn.BatchNorm3d) for module in encoder.modules())


def test_transformers_have_nothing_to_fold() -> None:
    with torch.device("meta"):
        encoder = TorchvisionNet("swin3d_t", 7, clip=SMALL).eval()
    names = list(encoder.state_dict())
    encoder.fold()
    assert names == list(encoder.state_dict())


@pytest.mark.parametrize(
    ("net", "clip", "sentence"),
    [
        ("r4d", SMALL, r"torchvision's nets are mvit_v1_b, .*, got 'r4d'"),
        ("mvit_v2_s", SMALL, r"mvit_v2_s sees clips of \(16, 224, 224\) only, got \(4, 32, 32\)"),
        ("s3d", replace(SMALL, frames=16), r"s3d sees clips of \(16, 224, 224\) or more, got \(16, 32, 32\)"),
    ],
)
def test_a_net_that_is_none_or_cannot_see_such_clips_is_refused(net: str, clip: ClipSpec, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TorchvisionNet(net, clip=clip)


def test_one_can_be_trained_on_labels_of_ones_own() -> None:
    blueprint = architectures()["torchvision/mc3_18"][1]
    small = replace(blueprint, clip=SMALL, classes=3, encoder=Part("torchvision_net", {"net": "mc3_18"}))
    model = build(small.card("mine"))
    logits, _ = model.temporal.step(model.encoder(clips(2, SMALL)), torch.zeros(2), model.temporal.initial_state(2))
    logits.sum().backward()
    assert logits.shape == (2, 3)
    assert all(weights.grad is not None for weights in model.encoder.parameters())
