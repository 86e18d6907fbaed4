"""What a network is said to cost and to see, against arithmetic by hand, published figures, and gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg16
from torchvision.models.video import r3d_18

from pipeline.models.anatomy import Anatomy, Layer, dissect, examine
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.models.encoders.conv3d import SlowFusion
from pipeline.models.encoders.nonlocal_block import NonLocalBlock
from pipeline.models.encoders.shift_cnn import ShiftCnn
from pipeline.models.encoders.video_transformer import VideoTransformer
from pipeline.models.ladder import architectures
from pipeline.models.reach.values import Extent
from pipeline.values import ClipSpec

ALL = Extent(None, None)
CLIP = ClipSpec(frames=8, height=32, width=32, stride=2)


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make()


def of_clips(make: Callable[[], nn.Module], clip: ClipSpec = CLIP) -> Anatomy:
    return examine(on_meta(make), (1, clip.frames, 3, clip.height, clip.width), "BTCHW")


def of_volume(*layers: nn.Module, frames: int = 16, side: int = 16) -> Anatomy:
    return examine(nn.Sequential(*layers).to("meta"), (1, 2, frames, side, side), "BCTHW")


def named(anatomy: Anatomy, name: str) -> Layer:
    return next(layer for layer in anatomy.layers if layer.name == name)


def test_two_convolutions_are_counted_as_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, dilation=2))
    anatomy = examine(net.to("meta"), (1, 3, 16, 16), "BCHW")
    assert anatomy.layers == (
        Layer("0", "Conv2d", (1, 4, 8, 8), 3 * 4 * 9 + 4, 8 * 8 * 4 * 27, Extent(0, None), Extent(3, 2)),
        Layer("2", "Conv2d", (1, 5, 4, 4), 4 * 5 * 9 + 5, 4 * 4 * 5 * 36, Extent(0, None), Extent(3 + 2 * 2 * 2, 2)),
    )
    assert (anatomy.parameters, anatomy.gmac) == (297, (6912 + 2880) / 1e9)


def test_vgg16_has_its_published_figures() -> None:
    anatomy = examine(on_meta(vgg16), (1, 3, 224, 224), "BCHW")
    assert (anatomy.parameters, round(anatomy.gmac, 2)) == (138_357_544, 15.47)
    pools = [layer.space for layer in anatomy.layers if layer.kind == "MaxPool2d"]
    assert pools == [Extent(6, 2), Extent(16, 4), Extent(44, 8), Extent(100, 16), Extent(212, 32)]
    assert anatomy.layers[-1].space == ALL


def test_r3d_18_has_its_published_figures_and_sees_more_time_layer_by_layer() -> None:
    anatomy = examine(on_meta(r3d_18), (1, 3, 16, 112, 112), "BCTHW")
    assert (anatomy.parameters, round(anatomy.gmac, 2)) == (33_371_472, 40.70)
    main = [layer.time.size or 0 for layer in anatomy.layers if ".conv" in layer.name]
    assert main == sorted(main) and (main[0], main[-1]) == (5, 109)
    assert named(anatomy, "fc").time == ALL


class Residual(nn.Module):
    """Two paths of different length meet."""

    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(nn.Conv3d(2, 2, 3, padding=1), nn.Conv3d(2, 2, 3, padding=1))
        self.after = nn.Conv3d(2, 2, 1)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        after: Tensor = self.after(x_BCTHW + self.long(x_BCTHW))
        return after


def test_where_paths_meet_the_larger_field_counts() -> None:
    assert named(of_volume(Residual()), "0.after").time == Extent(5, 1)


def test_pooling_is_a_layer_without_parameters_and_norms_count_with_the_layer_before_them() -> None:
    anatomy = of_volume(nn.Conv3d(2, 4, 1, bias=False), nn.BatchNorm3d(4), nn.MaxPool3d((2, 1, 1)))
    assert [(layer.kind, layer.parameters, layer.time) for layer in anatomy.layers] == [
        ("Conv3d", 2 * 4 + 2 * 4, Extent(1, 1)),
        ("MaxPool3d", 0, Extent(2, 2)),
    ]


def measured(net: nn.Module, frames: int, side: int) -> tuple[int, int]:
    """From the first to the last frame, and column, that the middle of the output has a gradient to."""
    net = net.double()
    for parameter in net.parameters():
        parameter.data.abs_().add_(0.01)  # no paths cancel out, no ReLU is shut
    x = torch.rand(1, 2, frames, side, side, dtype=torch.float64, requires_grad=True)
    y = net(x)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2, y.shape[4] // 2].backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0) > 0
    touched = [along.nonzero() for along in (seen.any(2).any(1), seen.any(0).any(0))]
    return int(touched[0].max() - touched[0].min()) + 1, int(touched[1].max() - touched[1].min()) + 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Conv3d(2, 2, 3, padding=1), nn.Conv3d(2, 2, 3, 2, 1), nn.Conv3d(2, 2, 3, padding=1)),
        lambda: nn.Sequential(nn.Conv3d(2, 2, (1, 3, 3), (1, 2, 2)), nn.ReLU(), nn.Conv3d(2, 2, (3, 1, 1), dilation=2)),
        lambda: nn.Sequential(Residual(), nn.Conv3d(2, 2, (5, 2, 2), (2, 1, 1), padding=(2, 0, 0))),
        lambda: nn.Sequential(nn.AvgPool3d((2, 3, 3), (1, 2, 2)), nn.Conv3d(2, 2, 3), nn.AvgPool3d(2)),
        lambda: nn.Sequential(nn.AvgPool3d((2, 1, 1)), NextToEachOther(nn.Conv3d(2, 2, 3, padding=1), nn.Identity())),
        lambda: nn.Sequential(nn.Conv3d(2, 2, 3), ByFrame(nn.Conv2d(2, 2, 3, 2)), ByPlace(nn.Conv1d(2, 2, 3))),
        lambda: nn.Sequential(Shift(), nn.Conv3d(2, 2, (1, 3, 3), (1, 2, 2)), Shift(), nn.Conv3d(2, 2, 1)),
        lambda: nn.Sequential(nn.Conv3d(2, 2, 3, padding=(0, 1, 1)), Difference(), nn.Conv3d(2, 2, 1)),
    ],
)
def test_receptive_fields_are_those_that_gradients_show(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    frames, side = 24, 32
    # A last pointwise layer, so that what comes before it is a layer of the table.
    last = of_volume(make(), nn.Conv3d(2, 1, 1), frames=frames, side=side).layers[-1]
    assert (last.time.size, last.space.size) == measured(make(), frames, side)


class NextToEachOther(nn.Module):
    """Channels from two layers, side by side; one channel of each goes on."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        return torch.cat([layer(x_BCTHW) for layer in self.layers], 1)[:, :3:2]


class ByFrame(nn.Module):
    """A 2D layer on every frame: frames stand in the batch."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        frames: Tensor = self.layer(x_BCTHW.transpose(1, 2).flatten(0, 1))
        return frames.reshape(x_BCTHW.shape[0], -1, *frames.shape[1:]).transpose(1, 2)


class ByPlace(ByFrame):
    """A 1D layer over time at every place: places stand in the batch."""

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        batch, channels, frames, height, width = x_BCTHW.shape
        sequences: Tensor = self.layer(x_BCTHW.permute(0, 3, 4, 1, 2).reshape(-1, channels, frames))
        return sequences.view(batch, height, width, sequences.shape[1], -1).permute(0, 3, 4, 1, 2)


class Shift(nn.Module):
    """Every frame gets the one before it, and in its second channel the one after it too."""

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        y = torch.zeros_like(x_BCTHW)
        y[:, :, 1:] = x_BCTHW[:, :, :-1]
        y[:, 1, :-1] += x_BCTHW[:, 1, 1:]
        return y


class Difference(nn.Module):
    """Each frame less the one three before it."""

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        return x_BCTHW[:, :, 3:] - 0.5 * x_BCTHW[:, :, :-3]


def test_fully_connected_layers_and_global_means_see_all() -> None:
    connected = of_volume(nn.Conv3d(2, 1, 3), nn.Flatten(), nn.Linear(14**3, 2))
    pooled = of_volume(nn.Conv3d(2, 1, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(1, 2))
    for anatomy in (connected, pooled):
        assert (anatomy.layers[0].time, anatomy.layers[-1].time, anatomy.layers[-1].space) == (Extent(3, 1), ALL, ALL)


def test_frames_in_the_first_convolutions_channels_are_all_seen_at_once() -> None:
    first = dissect(architectures()["early-fusion-micro"][1].card("x")).layers[0]
    assert (first.time, first.space) == (ALL, Extent(3, 2))


def test_what_takes_a_clip_frame_by_frame_looks_at_one_each_and_its_memory_sees_all() -> None:
    anatomy = dissect(architectures()["cnn-gru-micro"][1].card("x"))
    assert {layer.time.size for layer in anatomy.layers if layer.name.startswith("encoder")} == {1}
    assert anatomy.layers[-1].time.size is None


@pytest.mark.parametrize("name", ["cnn-lstm", "cnn-gru", "recurrent-conv", "causal-conv"])
def test_rows_whose_frames_see_only_those_before_them_are_causal(name: str) -> None:
    assert dissect(architectures()[f"{name}-micro"][1].card("x")).causal


def test_attention_sees_all_and_still_stands_somewhere() -> None:
    net = nn.Sequential(nn.Conv3d(2, 4, 3, (2, 1, 1), padding=1), NonLocalBlock(4), nn.Conv3d(4, 2, 3, padding=1))
    anatomy = examine(net.to("meta"), (1, 2, 8, 6, 6), "BCTHW")
    block, after = named(anatomy, "1"), named(anatomy, "2")
    positions = 4 * 6 * 6
    assert (block.time, block.space, block.macs) == (Extent(None, 2), Extent(None, 1), 2 * positions**2 * 2)
    assert after.time == Extent(None, 2)


def test_divided_attention_sees_all_times_at_its_place_before_it_sees_all_places() -> None:
    anatomy = of_clips(lambda: VideoTransformer("divided", width=8, depth=1, heads=2, patch=8, clip=CLIP))
    temporal, spatial = (named(anatomy, f"trunk.blocks.0.{which}") for which in ("temporal", "spatial"))
    assert (temporal.time, temporal.space) == (Extent(None, 1), Extent(8, 8))
    assert (spatial.time, spatial.space) == (Extent(None, 1), Extent(None, 8))
    assert (temporal.macs, spatial.macs) == (2 * 16 * 8 * 8 * 8, 2 * 8 * 17 * 17 * 8)


def test_a_shift_in_time_is_seen_by_the_convolution_behind_it() -> None:
    anatomy = of_clips(lambda: ShiftCnn([8, 8, 16], [1, 1], CLIP))
    fields = [named(anatomy, f"blocks.{block}.conv{conv}").time.size for block in (0, 1) for conv in (1, 2)]
    assert fields == [2, 4, 4, 6]  # the stem's differences look one frame back, each shift one back and one on


@pytest.mark.parametrize(
    ("net", "causal"),
    [
        (lambda: nn.Conv3d(2, 2, (1, 3, 3)), True),
        (lambda: nn.Conv3d(2, 2, 3), True),
        (lambda: nn.Conv3d(2, 2, 3, padding=1), False),
        (lambda: nn.Sequential(nn.ConstantPad3d((0, 0, 0, 0, 2, 0), 0.0), nn.Conv3d(2, 2, 3)), True),
        (lambda: nn.Sequential(nn.ReplicationPad3d((0, 0, 0, 0, 1, 1)), nn.Conv3d(2, 2, 3)), False),
        (lambda: nn.Sequential(NonLocalBlock(2), nn.Conv3d(2, 2, 1)), False),
        (lambda: nn.Sequential(Shift(), nn.Conv3d(2, 2, 1)), False),
        (lambda: nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Conv3d(2, 2, 1)), True),
    ],
)
def test_what_needs_frames_behind_the_clips_end_is_not_causal(net: Callable[[], nn.Module], causal: bool) -> None:
    assert of_volume(net()).causal is causal


def test_shift_in_time_is_not_causal_and_single_frames_are() -> None:
    assert not of_clips(lambda: ShiftCnn([8, 8, 16], [1, 1], CLIP)).causal
    assert dissect(architectures()["single-frame-micro"][1].card("x")).causal


def test_all_of_a_models_parameters_are_in_the_table() -> None:
    anatomy = of_clips(
        lambda: SlowFusion("micro", attention_after=[2], clip=ClipSpec(16, 32, 32)), ClipSpec(16, 32, 32)
    )
    net = SlowFusion("micro", attention_after=[2], clip=ClipSpec(16, 32, 32))
    assert sum(layer.parameters for layer in anatomy.layers) == anatomy.parameters
    assert anatomy.parameters == sum(one.numel() for one in net.parameters())


def test_the_default_model_is_known_by_its_card_alone() -> None:
    card = load_card(resolve(DEFAULT_MODEL))
    anatomy = dissect(card)
    hidden, width = card.temporal.parameters["hidden"], card.temporal.parameters["width"]
    assert anatomy.state_size == hidden
    assert named(anatomy, "temporal").parameters == 3 * hidden * (width + hidden + 2)
    assert named(anatomy, "temporal").macs == 3 * hidden * (width + hidden)


def test_what_cannot_be_followed_is_said_to_see_all() -> None:
    class Sorted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sort(2).values

    anatomy = of_volume(Sorted(), nn.Conv3d(2, 2, 1))
    assert (anatomy.layers[-1].time, anatomy.causal) == (ALL, False)
