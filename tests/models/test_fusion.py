"""Frames through a 2D CNN: each alone, fused late, pooled late, fused early."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.models.build import probabilities
from pipeline.models.card import LabelSet
from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.frame_cnn import (
    BACKBONES,
    EarlyFusion,
    FrameCnn,
    LateFusion,
    LatePooling,
    LocalResponseNorm,
    build_backbone,
)
from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.frame_average import FrameAverage
from pipeline.models.temporal.linear import LinearHead
from pipeline.values import ClipSpec
from tests.models.nets import CLIP, clips, parameters, settled

MICRO: dict[str, Callable[..., Any]] = {
    "frame_cnn": lambda **given: FrameCnn("micro", **given),
    "late_fusion": lambda **given: LateFusion("micro", [64], **given),
    "late_pooling": lambda **given: LatePooling("micro", **given),
    "early_fusion": lambda **given: EarlyFusion("micro", **given),
}
EVERY_MICRO = pytest.mark.parametrize("name", MICRO)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(5)


def orders() -> list[Tensor]:
    return [torch.arange(CLIP.frames).flip(0), torch.randperm(CLIP.frames)]


@torch.inference_mode()
def test_each_frame_has_its_own_feature_and_no_share_in_the_others() -> None:
    net, clip = settled(FrameCnn("micro", clip=CLIP)), clips()
    other = clip.clone()
    other[:, 5] += 1
    features, changed = (net(x).view(CLIP.frames, 96) for x in (clip, other))
    assert [t for t in range(CLIP.frames) if not torch.allclose(features[t], changed[t], atol=1e-5)] == [5]


@pytest.mark.parametrize("kind", ["exclusive", "independent"])
@torch.inference_mode()
def test_a_single_frame_net_answers_the_same_for_frames_in_any_order_so_it_cannot_see_where_a_motion_goes(
    kind: str,
) -> None:
    net, clip = settled(FrameCnn("micro", clip=CLIP)), clips()
    average = FrameAverage(net.feature_size, logits=4, frames=CLIP.frames, kind=kind)
    answer, _ = average.step(net(clip), torch.zeros(1), average.initial_state(1))
    for order in orders():
        again, _ = average.step(net(clip[:, order]), torch.zeros(1), average.initial_state(1))
        torch.testing.assert_close(again, answer)


@torch.inference_mode()
def test_late_pooling_gives_the_same_for_frames_in_any_order() -> None:
    net, clip = settled(LatePooling("micro", clip=CLIP)), clips()
    for order in orders():
        torch.testing.assert_close(net(clip[:, order]), net(clip), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["late_fusion", "early_fusion"])
@torch.inference_mode()
def test_where_frames_are_fused_by_weights_their_order_matters(name: str) -> None:
    net, clip = settled(MICRO[name](clip=CLIP)), clips()
    for order in orders():
        assert (net(clip[:, order]) - net(clip)).norm() > 0.1 * net(clip).norm()


def test_late_fusion_holds_a_matrix_from_the_features_of_all_frames() -> None:
    net = LateFusion("micro", [64], clip=CLIP)
    matrices = [tuple(layer.weight.shape) for layer in net.fusion if isinstance(layer, nn.Linear)]
    assert matrices == [(64, 16 * 96)]
    assert parameters(net) == parameters(build_backbone("micro")) + 16 * 96 * 64 + 64


def test_the_papers_late_fusion_merges_two_whole_maps_of_7x7x256() -> None:
    two_frames = ClipSpec(frames=2, height=170, width=170, fps=2.0, stride=1)
    net = LateFusion("alexnet", [64], pooled=False, clip=two_frames)  # the paper's 4096 would only cost memory
    assert parameters(net.fusion) == 2 * 7 * 7 * 256 * 64 + 64


def test_late_pooling_has_fewer_parameters_than_late_fusion() -> None:
    for name in BACKBONES:
        fused, pooled = LateFusion(name, [64], clip=CLIP), LatePooling(name, clip=CLIP)
        heads = LinearHead(fused.feature_size, 10), LinearHead(pooled.feature_size, 10)
        assert parameters(pooled, heads[1]) < parameters(fused, heads[0])


@pytest.mark.parametrize("name", BACKBONES)
def test_early_fusion_widens_the_first_convolution_to_all_frames_and_nothing_else(name: str) -> None:
    early, plain = EarlyFusion(name, clip=CLIP), build_backbone(name)
    shapes = [[tuple(p.shape) for p in net.parameters()] for net in (early, plain)]
    assert shapes[0][0] == (shapes[1][0][0], 3 * CLIP.frames, *shapes[1][0][2:])
    assert shapes[0][1:] == shapes[1][1:]


@pytest.mark.parametrize(
    ("make", "size", "inputs"),
    [
        (lambda: FrameCnn("micro", [32, 24], clip=CLIP), 16 * 24, 4 * 4 * 96),
        (lambda: LateFusion("micro", [32, 24], pooled=False, clip=CLIP), 24, 16 * 4 * 4 * 96),
        (lambda: EarlyFusion("micro", [32, 24], clip=CLIP), 24, 4 * 4 * 96),
    ],
)
@torch.inference_mode()
def test_fully_connected_layers_may_see_every_position_of_the_maps(
    make: Callable[[], Any], size: int, inputs: int
) -> None:
    net = make().eval()
    assert net(clips(2)).shape == (2, size) == (2, net.feature_size)
    assert [m.in_features for m in net.modules() if isinstance(m, nn.Linear)] == [inputs, 32]


@torch.inference_mode()
def test_the_papers_single_frame_net_ends_in_maps_of_7x7x256() -> None:
    net = build_backbone("alexnet").eval()
    assert net(torch.randn(1, 3, 170, 170)).shape == (1, 256, 7, 7)
    kernels = [96 * 3 * 11**2, 256 * 96 * 5**2, 384 * 256 * 3**2, 384 * 384 * 3**2, 256 * 384 * 3**2]
    assert parameters(net) == sum(kernels) + 96 + 256 + 384 + 384 + 256


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("side", [32, 45, 64, 83])
@torch.inference_mode()
def test_a_backbone_knows_how_large_its_maps_will_be(name: str, side: int) -> None:
    net, spec = build_backbone(name).eval(), ClipSpec(height=side, width=2 * side)
    assert net(torch.randn(1, 3, side, 2 * side)).numel() == net.map_elements(spec)


def test_local_response_norm_is_that_of_krizhevsky() -> None:
    x = torch.randn(2, 9, 4, 4) * 100
    theirs = nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2)  # torch divides alpha by the size
    torch.testing.assert_close(LocalResponseNorm()(x), theirs(x))


@EVERY_MICRO
@torch.inference_mode()
def test_folding_changes_nothing_but_the_last_bits(name: str) -> None:
    net, clip = settled(MICRO[name](clip=CLIP)), clips(2)
    before = net(clip)
    net.fold()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    torch.testing.assert_close(net(clip), before, rtol=1e-4, atol=1e-4)


@EVERY_MICRO
@torch.inference_mode()
def test_a_clip_becomes_one_feature_of_the_size_that_is_told(name: str) -> None:
    net: Encoder = MICRO[name](clip=CLIP).eval()
    assert net.forward(clips(2)).shape == (2, net.feature_size)


@EVERY_MICRO
@torch.inference_mode()
def test_half_precision_gives_nearly_the_same_features(name: str) -> None:
    spec = ClipSpec(frames=16, height=32, width=32)
    net, clip = settled(MICRO[name](clip=spec), spec), clips(1, spec)
    exact, half = net(clip), net.bfloat16()(clip.bfloat16()).float()
    assert (exact - half).norm() < 0.03 * exact.norm()


@EVERY_MICRO
def test_micro_nets_are_micro(name: str) -> None:
    net = MICRO[name](clip=CLIP)
    assert parameters(net, LinearHead(net.feature_size, 10)) <= 500_000


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: FrameCnn("vgg", clip=CLIP), "unknown backbone 'vgg'; choose one of alexnet, micro"),
        (lambda: LateFusion("micro", [], clip=CLIP), r"one or more fully connected layers, got \[\]"),
        (lambda: FrameCnn("micro", [0], clip=CLIP), r"one or more fully connected layers, got \[0\]"),
        (lambda: EarlyFusion("micro", [8], dropout=2.0, clip=CLIP), "dropout probability has to be between 0 and 1"),
        (lambda: LatePooling("alexnet", clip=ClipSpec(height=10, width=64)), "10×64 is too small: nothing is left"),
        (lambda: FrameAverage(100, 4, frames=16), "a feature of 100 numbers is not that of 16 frames"),
        (lambda: FrameAverage(96, 4, frames=16, kind="both"), "choose one of exclusive, independent"),
    ],
)
def test_impossible_parameters_are_refused_with_what_is_possible(wrong: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()


@pytest.mark.parametrize(("kind", "logits"), [("exclusive", 4), ("independent", 3)])
def test_scores_are_the_mean_of_the_frames_probabilities(kind: str, logits: int) -> None:
    label_set = LabelSet("action", "exclusive" if kind == "exclusive" else "independent", ("walk", "run", "fall"))
    model = FrameAverage(feature_size=5 * 6, logits=logits, frames=5, kind=kind)
    features_BTF = torch.randn(2, 5, 6) * 4
    of_frames = probabilities(model.head(features_BTF), (label_set,))
    answer, _ = model.step(features_BTF.flatten(1), torch.zeros(2), model.initial_state(2))
    torch.testing.assert_close(probabilities(answer, (label_set,)), of_frames.mean(1))


@pytest.mark.parametrize("kind", ["exclusive", "independent"])
def test_even_frames_that_are_certain_give_finite_logits_and_slopes(kind: str) -> None:
    model = FrameAverage(feature_size=2 * 2, logits=2, frames=2, kind=kind)
    features = torch.tensor([[900.0, -900.0, 800.0, -900.0]], requires_grad=True)
    answer, _ = model.step(features, torch.zeros(1), model.initial_state(1))
    answer.sum().backward()  # type: ignore[no-untyped-call]
    assert answer.isfinite().all()
    assert features.grad is not None and features.grad.isfinite().all()


@pytest.mark.parametrize("make", [LinearHead, lambda size, logits: FrameAverage(size, logits, frames=4)])
@pytest.mark.parametrize("chunks", [[30], [1] * 30, [7, 1, 22]])
@torch.inference_mode()
def test_step_equals_forward_for_any_chunking(make: Callable[[int, int], Any], chunks: list[int]) -> None:
    model: TemporalModel = make(12, 3).double()
    x, gaps, state = torch.randn(2, 30, 12).double(), torch.rand(2, 30).double(), model.initial_state(2)
    steps = [model.step(x[:, t], gaps[:, t], state)[0] for t in range(30)]
    chunked = zip(torch.split(x, chunks, 1), torch.split(gaps, chunks, 1), strict=True)
    parts = [model.forward(x_part, gap_part, state)[0] for x_part, gap_part in chunked]
    torch.testing.assert_close(torch.cat(parts, 1), torch.stack(steps, 1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("model", [LinearHead(12, 3), FrameAverage(12, 3, frames=4)])
def test_what_remembers_nothing_has_an_empty_state(model: TemporalModel) -> None:
    empty = model.initial_state(2)
    assert model.state_size == 0 and empty.shape == (2, 0)
    assert model.step(torch.randn(2, 12), torch.zeros(2), empty)[1].shape == (2, 0)
    assert model.forward(torch.randn(2, 5, 12), torch.zeros(2, 5), empty)[1].shape == (2, 0)
