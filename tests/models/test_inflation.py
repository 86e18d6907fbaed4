"""Inflation: a 2D net made three-dimensional gives, for a video that stands still, what the 2D net gives."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models import resnet

from pipeline.errors import ModelError
from pipeline.models.encoders.inflation import (
    InflatedResNet,
    inflate,
    inflate_weight,
    load_inflated,
    resnet_2d,
    weights_2d,
)
from pipeline.values import ClipSpec

MICRO_CLIP = ClipSpec(frames=16, height=64, width=64, fps=5.0, stride=4)
MICRO: dict[str, Any] = {"depth": "micro"}
MICRO_WITH_ATTENTION: dict[str, Any] = {
    "depth": "micro",
    "temporal_strides": [1, 1, 2, 2, 1],
    "attention_after": [2, 3],
}
STRIDED: dict[str, Any] = {"temporal_strides": [2, 2, 2, 1, 1], "pool_t": 3}
I3D_RESNET50: dict[str, Any] = {"depth": 50, **STRIDED}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(7)


def trained(net: nn.Module) -> nn.Module:
    """The net in eval mode, its batch norms unlike fresh ones, as after training."""
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
            assert norm.running_mean is not None and norm.running_var is not None
            for tensor in (norm.weight, norm.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (norm.bias, norm.running_mean):
                nn.init.normal_(tensor, std=0.1)
    return net.eval()


def net_2d(depth: int | str) -> nn.Module:
    """torchvision's own net, or the micro one, giving features: the mean of the last maps over space."""
    if depth == "micro":
        return trained(resnet_2d("micro").append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten()))
    net = getattr(resnet, f"resnet{depth}")(weights=None)
    net.fc = nn.Identity()
    return trained(net)


def micro(**parameters: Any) -> InflatedResNet:
    return InflatedResNet("micro", **parameters, clip=MICRO_CLIP).eval()


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def assert_close_to_the_largest(actual: Tensor, expected: Tensor) -> None:
    """Within 1e-5 of the largest value expected."""
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("depth", "inflation"),
    [
        ("micro", {}),
        ("micro", {"kernel_t": 1}),
        ("micro", {"kernel_t": 5, "pool_t": 3}),
        ("micro", STRIDED),
        (18, {}),
        (18, STRIDED),
        (50, {}),
        (50, STRIDED),
    ],
    ids=str,
)
def test_on_a_video_that_stands_still_it_equals_the_2d_net(depth: int | str, inflation: dict[str, Any]) -> None:
    flat = net_2d(depth)
    net = InflatedResNet(depth, **inflation, clip=ClipSpec(8, 64, 64)).eval()
    load_inflated(net, flat.state_dict())
    pictures = torch.randn(1, 3, 64, 64)
    video = pictures[:, None].expand(-1, 8, -1, -1, -1)
    with torch.inference_mode():
        expected = flat(pictures)
        assert_close_to_the_largest(net(video), expected)
        maps = net.maps(video)
        for step in maps.mean((3, 4)).unbind(2):
            assert_close_to_the_largest(step, expected)


def test_a_2d_weight_is_copied_along_time_and_divided() -> None:
    weight = torch.randn(4, 3, 5, 5)
    inflated = inflate_weight(weight, 3)
    assert inflated.shape == (4, 3, 3, 5, 5)
    assert all(torch.equal(inflated[:, :, t], weight / 3) for t in range(3))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 6, (3, 5), stride=(2, 1), padding=(0, 2), dilation=2, groups=2),
        nn.Conv2d(4, 6, 1, bias=False),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d((2, 3), ceil_mode=True),
        nn.BatchNorm2d(4),
    ],
    ids=repr,
)
def test_every_kind_of_layer_inflates(layer: nn.Module) -> None:
    flat, x = trained(nn.Sequential(layer)), torch.randn(2, 4, 13, 13)
    kernel_t = 1 if isinstance(layer, nn.BatchNorm2d) else 3
    with torch.inference_mode():
        video = inflate(layer, kernel_t).eval()(x[:, :, None].expand(-1, -1, 5, -1, -1))
        assert video.shape[2] == 5
        for step in video.unbind(2):
            torch.testing.assert_close(step, flat(x))


def test_a_pooling_inflated_in_time_takes_the_largest_of_neighbouring_steps() -> None:
    video = torch.tensor([3.0, 1.0, 2.0, 9.0, 0.0, 0.0]).view(1, 1, 6, 1, 1).expand(-1, -1, -1, 2, 2)
    assert inflate(nn.MaxPool2d(2), kernel_t=3)(video).flatten().tolist() == [3, 3, 9, 9, 9, 0]
    assert inflate(nn.MaxPool2d(2), kernel_t=3, stride_t=2)(video).flatten().tolist() == [3, 9, 9]


@pytest.mark.parametrize(
    ("layer", "kernel_t", "sentence"),
    [
        (nn.Linear(2, 2), 3, "can be inflated, got Linear"),
        (nn.Conv2d(2, 2, 3, padding="same"), 3, "convolutions padded with zeros"),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), 3, "convolutions padded with zeros"),
        (nn.Conv2d(2, 2, 3, padding=1), 2, "must be odd, to be centred, got 2"),
    ],
)
def test_what_cannot_be_inflated_is_refused(layer: nn.Module, kernel_t: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        inflate(layer, kernel_t)


def test_convolutions_wider_than_a_point_reach_over_time_and_the_others_do_not() -> None:
    with torch.device("meta"):
        trunk = InflatedResNet(50, clip=MICRO_CLIP).trunk
    kernels = {conv.kernel_size for conv in trunk.modules() if isinstance(conv, nn.Conv3d)}
    assert kernels == {(3, 7, 7), (3, 3, 3), (1, 1, 1)}


@pytest.mark.parametrize(("kernel_t", "seen"), [(1, False), (3, True)])
def test_the_order_of_frames_is_seen_through_kernels_in_time_alone(kernel_t: int, seen: bool) -> None:
    net, clip = micro(kernel_t=kernel_t), torch.randn(1, 16, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(net(clip), net(clip[:, torch.randperm(16)]), rtol=1e-4) != seen


def test_a_fresh_net_cannot_tell_forwards_from_backwards_and_learns_it_by_training() -> None:
    """Equal weights along time are symmetric; what a net knows of direction comes from video alone."""
    net, clip = micro(), torch.randn(1, 16, 3, 64, 64)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    forwards, backwards = net(clip), net(clip.flip(1))
    torch.testing.assert_close(forwards, backwards)
    (forwards * torch.randn(64)).sum().backward()
    optimizer.step()
    with torch.inference_mode():
        assert not torch.allclose(net(clip), net(clip.flip(1)), rtol=1e-3)


@pytest.mark.parametrize(
    ("strides", "steps"), [((1, 1, 1, 1, 1), 16), ((2, 1, 1, 1, 1), 8), ((2, 2, 2, 1, 1), 2), ((1, 1, 1, 1, 16), 1)]
)
def test_temporal_strides_shorten_the_maps_where_the_picture_is_halved(strides: tuple[int, ...], steps: int) -> None:
    with torch.inference_mode():
        assert micro(temporal_strides=strides).maps(torch.randn(1, 16, 3, 64, 64)).shape == (1, 64, steps, 2, 2)


def test_a_state_dict_in_torchvision_s_format_loads_from_its_file(tmp_path: Path) -> None:
    published = trained(resnet.resnet18(weights=None)).state_dict()  # with the head that is of no use here
    save_file(published, tmp_path / "resnet18.safetensors")
    net = InflatedResNet(18, clip=MICRO_CLIP)
    load_inflated(net, load_file(tmp_path / "resnet18.safetensors"))
    torch.testing.assert_close(net.trunk.conv1.weight.sum(2), published["conv1.weight"])  # type: ignore[union-attr,operator]
    last = net.trunk.get_submodule("layer4.1.bn2")
    assert torch.equal(last.running_var, published["layer4.1.bn2.running_var"])  # type: ignore[arg-type]


def test_an_older_state_dict_without_counts_of_batches_loads() -> None:
    weights = net_2d("micro").state_dict()
    older = {key: value for key, value in weights.items() if not key.endswith("num_batches_tracked")}
    assert len(older) < len(weights)
    load_inflated(micro(), older)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"layer2.0.conv1.weight": torch.zeros(32, 16, 5, 5)},
            r"layer2\.0\.conv1\.weight must be \(32, 16, 3, 3\)",
        ),
        ({"bn1.bias": torch.zeros(17)}, r"bn1\.bias must be \(16,\), got \(17,\)"),
        ({"layer4.0.bn2.weight": None}, r"layer4\.0\.bn2\.weight is missing"),
        ({"layer4.1.bn2.weight": torch.zeros(64)}, r"layer4\.1\.bn2\.weight is none of this ResNet's"),
    ],
    ids=["kernel", "channels", "missing", "another depth"],
)
def test_weights_of_another_net_are_refused_and_nothing_is_loaded(
    change: dict[str, Tensor | None], sentence: str
) -> None:
    net = micro()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    weights = net_2d("micro").state_dict() | change
    with pytest.raises(ModelError, match=sentence):
        load_inflated(net, {key: value for key, value in weights.items() if value is not None})
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_attention_put_between_the_stages_leaves_the_features_bit_equal() -> None:
    weights, clip = net_2d("micro").state_dict(), torch.randn(2, 16, 3, 64, 64)
    plain, attending = micro(), micro(attention_after=[1, 2, 4])
    with torch.inference_mode():
        for net in (plain, attending):
            load_inflated(net, weights)
        assert torch.equal(attending(clip), plain(clip))
        for stage in attending.attention:
            nn.init.ones_(attending.get_parameter(f"attention.{stage}.output.norm.weight"))
        assert not torch.equal(attending(clip), plain(clip))


@pytest.mark.parametrize("card", [MICRO, MICRO_WITH_ATTENTION, {"depth": 50}], ids=["micro", "attending", "resnet50"])
def test_folding_batch_norm_changes_nothing_but_the_last_bits(card: dict[str, Any]) -> None:
    net, clip = trained(InflatedResNet(**card, clip=MICRO_CLIP)), torch.randn(1, 4, 3, 64, 64)
    assert isinstance(net, InflatedResNet)
    with torch.inference_mode():
        before = net(clip)
        net.fold()
        assert not [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
        torch.testing.assert_close(net(clip), before, rtol=1e-4, atol=1e-4 * before.abs().max().item())


def test_resnet18_inflated_by_three_has_the_parameters_of_torchvision_s_r3d_18() -> None:
    with torch.device("meta"):
        net = InflatedResNet(18, clip=MICRO_CLIP)
        assert parameters(net) + parameters(nn.Linear(net.feature_size, 400)) == 33_371_472


@pytest.mark.parametrize(("card", "features", "count"), [(I3D_RESNET50, 2048, 46_161_344), (MICRO, 64, 359_888)])
def test_parameters_of_the_sizes(card: dict[str, Any], features: int, count: int) -> None:
    with torch.device("meta"):
        net = InflatedResNet(**card, clip=MICRO_CLIP)
    assert (net.feature_size, parameters(net)) == (features, count)


def test_the_micro_size_with_attention_stays_below_half_a_million() -> None:
    net = micro(**{key: value for key, value in MICRO_WITH_ATTENTION.items() if key != "depth"})
    assert parameters(net) <= 500_000
    assert net(torch.randn(2, 16, 3, 64, 64)).shape == (2, net.feature_size)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"depth": 19}, "depth is one of micro, 18, 34, 50, 101, got 19"),
        ({"kernel_t": 2}, "must be odd"),
        ({"pool_t": 0}, "must be odd"),
        ({"temporal_strides": [2, 2]}, "one temporal stride ≥ 1 for each of conv1, maxpool, layer2, layer3, layer4"),
        ({"temporal_strides": [0, 1, 1, 1, 1]}, "one temporal stride ≥ 1"),
        ({"temporal_strides": [2, 2, 2, 2, 2]}, "step over a whole clip of 16 frames"),
        ({"attention_after": [5]}, "attention follows stages of 1, 2, 3 and 4, each once"),
        ({"attention_after": [2, 2]}, "each once"),
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        InflatedResNet(**(MICRO | wrong), clip=MICRO_CLIP)


def test_a_net_of_our_own_that_saw_single_frames_is_a_start_too():
    """Row 1 of the ladder, inflated, gives for a still video what it gave."""
    frames, inflated = trained(micro(kernel_t=1)), micro(temporal_strides=[1, 1, 2, 2, 1])
    load_inflated(inflated, weights_2d(frames))
    still = torch.randn(2, 1, 3, 64, 64).expand(-1, 16, -1, -1, -1)
    with torch.inference_mode():
        assert_close_to_the_largest(inflated(still), frames(still))


def test_a_net_that_saw_time_cannot_be_inflated_again():
    with pytest.raises(ModelError, match="kernels of one frame"):
        weights_2d(micro())
