"""Convolution in space and time: slow fusion and C3D are what their papers say."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.conv3d import C3d, SlowFusion
from pipeline.models.encoders.nonlocal_block import NonLocalBlock
from pipeline.models.temporal.linear import LinearHead
from pipeline.values import ClipSpec
from tests.models.nets import CLIP, clips, parameters, settled

C3D_CLIP = ClipSpec(frames=16, height=112, width=112)
TEN_FRAMES = ClipSpec(frames=10, height=64, width=64)
MICRO_C3D: dict[str, Any] = {"widths": [8, 16, 32, 48, 64], "hidden": [128, 128]}
MICRO: dict[str, Callable[..., Any]] = {
    "slow_fusion": lambda **given: SlowFusion("micro", **given),
    "slow_fusion with attention": lambda **given: SlowFusion("micro", attention_after=[2, 3], **given),
    "c3d": lambda **given: C3d(**MICRO_C3D, **given),
}
EVERY_MICRO = pytest.mark.parametrize("name", MICRO)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(6)


def frames_seen(layers: nn.Module, frames: int, side: int) -> int:
    """How many frames the middle step of the last map depends on, by its slope against each of them."""
    x_BCTHW = torch.randn(1, 3, frames, side, side, requires_grad=True)
    maps: Tensor = layers(x_BCTHW)
    maps[:, :, maps.shape[2] // 2].sum().backward()  # type: ignore[no-untyped-call]
    assert x_BCTHW.grad is not None
    reached = x_BCTHW.grad.abs().sum((0, 1, 3, 4)).nonzero()
    return int(reached.max() - reached.min() + 1)


def test_each_stage_of_slow_fusion_sees_more_frames_until_the_clip_is_seen() -> None:
    spec = ClipSpec(frames=48, height=32, width=32)
    stages = settled(SlowFusion("micro", clip=spec), spec).stages
    assert [frames_seen(stages[:depth], 48, 32) for depth in (1, 2, 3, 4)] == [3, 6, 12, 20]


def test_the_papers_slow_fusion_sees_4_then_6_then_all_10_frames() -> None:
    stages = settled(SlowFusion("alexnet", clip=TEN_FRAMES), TEN_FRAMES).stages
    assert [frames_seen(stages[:depth], 10, 64) for depth in (1, 2, 3, 4, 5)] == [4, 6, 10, 10, 10]


@torch.inference_mode()
def test_the_papers_slow_fusion_has_4_then_2_then_1_responses_in_time() -> None:
    x, steps = clips(1, TEN_FRAMES).transpose(1, 2), []
    for stage in settled(SlowFusion("alexnet", clip=TEN_FRAMES), TEN_FRAMES).stages:
        x = stage(x)
        steps.append(x.shape[2])
    assert steps == [4, 2, 1, 1, 1]


@EVERY_MICRO
@torch.inference_mode()
def test_the_order_of_frames_matters(name: str) -> None:
    net, clip = settled(MICRO[name](clip=CLIP)), clips()
    assert (net(clip) - net(clip.flip(1))).norm() > 0.1 * net(clip).norm()


@pytest.mark.parametrize("backbone", ["micro", "alexnet"])
@torch.inference_mode()
def test_fresh_attention_leaves_the_features_as_they_are_to_the_bit(backbone: str) -> None:
    plain = settled(SlowFusion(backbone, clip=TEN_FRAMES), TEN_FRAMES)
    attentive = SlowFusion(backbone, attention_after=[2, 3], clip=TEN_FRAMES).eval()
    missing, unexpected = attentive.load_state_dict(plain.state_dict(), strict=False)
    assert missing and not unexpected
    clip = clips(2, TEN_FRAMES)
    assert torch.equal(attentive(clip), plain(clip))


def test_attention_stands_at_the_end_of_the_stages_it_is_asked_after() -> None:
    stages: Any = SlowFusion("micro", attention_after=[1, 3], clip=CLIP).stages
    assert [isinstance(stage[-1], NonLocalBlock) for stage in stages] == [True, False, True, False]


@pytest.fixture(scope="module")
def paper_c3d() -> C3d:
    return C3d(clip=C3D_CLIP).eval()


def test_c3d_convolves_3x3x3_everywhere_and_pools_time_but_at_first(paper_c3d: C3d) -> None:
    layers = list(paper_c3d.convolutions)
    convs = [layer for layer in layers if isinstance(layer, nn.Conv3d)]
    pools = [layer for layer in layers if isinstance(layer, nn.MaxPool3d)]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in convs} == {((3, 3, 3), (1, 1, 1), (1, 1, 1))}
    assert [conv.out_channels for conv in convs] == [64, 128, 256, 256, 512, 512, 512, 512]
    assert [pool.kernel_size for pool in pools] == [(1, 2, 2)] + [(2, 2, 2)] * 4
    assert [pool.padding for pool in pools] == [0, 0, 0, 0, (0, 1, 1)]
    assert "".join("C" if layer in convs else "P" for layer in layers if layer in convs + pools) == "CPCPCCPCCPCCP"


def test_c3d_has_79_99_million_parameters_at_487_classes(paper_c3d: C3d) -> None:
    head = LinearHead(paper_c3d.feature_size, 487)
    layers = [*paper_c3d.modules(), head.head]
    matrices = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert matrices == [(8192, 4096), (4096, 4096), (4096, 487)]
    assert round(parameters(paper_c3d, head) / 1e6, 2) == 79.99


@torch.inference_mode()
def test_c3d_multiplies_and_adds_38_5_billion_times_in_its_convolutions(paper_c3d: C3d) -> None:
    gmac: list[float] = []

    def count(conv: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(conv, nn.Conv3d)
        gmac.append(output[0].numel() * conv.weight[0].numel() / 1e9)

    convs = [layer for layer in paper_c3d.convolutions if isinstance(layer, nn.Conv3d)]
    hooks = [conv.register_forward_hook(count) for conv in convs]
    assert paper_c3d(clips(1, C3D_CLIP)).shape == (1, 4096)
    for hook in hooks:
        hook.remove()
    assert [round(g, 2) for g in gmac] == [1.04, 11.10, 5.55, 11.10, 2.77, 5.55, 0.69, 0.69]
    assert round(sum(gmac), 1) == 38.5


@pytest.mark.parametrize(
    "spec",
    [CLIP, ClipSpec(frames=32, height=48, width=64), ClipSpec(frames=17, height=50, width=39)],
)
@torch.inference_mode()
def test_c3d_takes_clips_of_the_spec_it_was_built_for(spec: ClipSpec) -> None:
    assert C3d(**MICRO_C3D, clip=spec).eval()(clips(2, spec)).shape == (2, 128)


@torch.inference_mode()
def test_slow_fusion_may_end_in_fully_connected_layers_over_all_positions() -> None:
    net: Any = SlowFusion("micro", hidden=[32, 24], clip=CLIP).eval()
    assert net(clips(2)).shape == (2, 24) and net.feature_size == 24
    assert net.head[1][0].in_features == 96 * 4 * 4 * 4


@EVERY_MICRO
@torch.inference_mode()
def test_folding_changes_nothing_but_the_last_bits(name: str) -> None:
    net, clip = settled(MICRO[name](clip=CLIP)), clips(2)
    before = net(clip)
    net.fold()
    assert not any(isinstance(module, nn.BatchNorm3d) for module in net.modules())
    torch.testing.assert_close(net(clip), before, rtol=1e-4, atol=1e-4)


@EVERY_MICRO
@torch.inference_mode()
def test_a_clip_becomes_one_feature_of_the_size_that_is_told(name: str) -> None:
    net: Encoder = MICRO[name](clip=CLIP).eval()
    assert net.forward(clips(2)).shape == (2, net.feature_size)


@pytest.mark.parametrize("name", ["slow_fusion", "c3d"])
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
        (lambda: SlowFusion("vgg", clip=CLIP), "unknown backbone 'vgg'; choose one of alexnet, micro"),
        (lambda: SlowFusion("micro", [16, 32], clip=CLIP), r"want 4 widths of at least 1, got \[16, 32\]"),
        (lambda: SlowFusion("micro", attention_after=[0], clip=CLIP), r"stages of 1…4, each once, got \[0\]"),
        (lambda: SlowFusion("micro", attention_after=[2, 2], clip=CLIP), r"each once, got \[2, 2\]"),
        (lambda: SlowFusion("alexnet", clip=ClipSpec(frames=9)), "9×112×112 is too small: nothing is left"),
        (lambda: C3d([8, 8, 8, 8, 0], [8], clip=CLIP), r"want 5 widths of at least 1, got \[8, 8, 8, 8, 0\]"),
        (lambda: C3d([8] * 5, hidden=[], clip=CLIP), r"one or more fully connected layers, got \[\]"),
        (lambda: C3d(**MICRO_C3D, clip=ClipSpec(frames=8)), "8×112×112 is too small: nothing is left"),
    ],
)
def test_impossible_parameters_are_refused_with_what_is_possible(wrong: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()
