"""Video transformers: which tokens attend to which in each variant, and that the published sizes are the papers'."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.models.encoders import video_transformer
from pipeline.models.encoders.video_transformer import Block, DividedBlock, FactorisedEncoder, VideoTransformer
from pipeline.values import ClipSpec

MICRO_CLIP = ClipSpec(frames=16, height=64, width=64, fps=5.0, stride=4)
STEPS, PLACES = 8, 64  # of the micro sizes: tubelets of 2 frames, patches of 8×8
MICRO: dict[str, dict[str, Any]] = {
    "divided": {"attention": "divided", "width": 80, "depth": 3, "heads": 4, "patch": 8, "tubelet": 2},
    "factorised": {
        "attention": "factorised",
        "width": 80,
        "depth": 4,
        "heads": 4,
        "patch": 8,
        "tubelet": 2,
        "temporal_depth": 1,
    },
    "joint": {"attention": "joint", "width": 80, "depth": 5, "heads": 4, "patch": 8, "tubelet": 2},
}

BASE: dict[str, Any] = {"width": 768, "depth": 12, "heads": 12, "patch": 16}
TIMESFORMER = BASE | {"attention": "divided"}
TIMESFORMER_CLIP = ClipSpec(frames=8, height=224, width=224, fps=1.0, stride=8)
VIVIT = BASE | {"attention": "factorised", "tubelet": 2, "temporal_depth": 4}
VIVIT_JOINT = BASE | {"attention": "joint", "tubelet": 2}
VIVIT_CLIP = ClipSpec(frames=32, height=224, width=224, fps=12.5, stride=32)

every_variant = pytest.mark.parametrize("variant", sorted(MICRO))


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(11)


def micro(variant: str, **other: Any) -> VideoTransformer:
    return VideoTransformer(**(MICRO[variant] | other), clip=MICRO_CLIP).eval()


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def seen_by(y_D: Tensor, tokens: Tensor) -> Tensor:
    """Which tokens the output depends on: its gradient is not zero there."""
    (gradient,) = torch.autograd.grad(y_D.square().sum(), tokens, retain_graph=True)
    return gradient.abs().amax(-1) > 0


@pytest.mark.parametrize(
    ("variant", "maps"),
    [  # of one clip: how many sequences, and how many tokens in each attend to each other
        ("divided", [(PLACES, STEPS), (STEPS, 1 + PLACES)] * 3),
        ("factorised", [(STEPS, 1 + PLACES)] * 4 + [(1, 1 + STEPS)]),
        ("joint", [(1, 1 + STEPS * PLACES)] * 5),
    ],
)
def test_attention_maps_have_the_variant_s_shapes(
    monkeypatch: pytest.MonkeyPatch, variant: str, maps: list[tuple[int, int]]
) -> None:
    given = []

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        assert query.shape == key.shape == value.shape and query.shape[1] == 4
        given.append((query.shape[0], query.shape[2]))
        return nn.functional.scaled_dot_product_attention(query, key, value)

    monkeypatch.setattr(video_transformer, "scaled_dot_product_attention", attend)
    micro(variant)(torch.randn(1, 16, 3, 64, 64))
    assert given == maps


def test_divided_attention_to_a_token_comes_only_from_its_place_in_time_and_from_its_step_in_space() -> None:
    block, tokens, class_token = DividedBlock(16, 4), torch.randn(1, 5, 6, 16, requires_grad=True), torch.randn(1, 16)
    step, place = 3, 2
    same_place, same_step = torch.zeros(2, 1, 5, 6, dtype=torch.bool)
    same_place[:, :, place] = True
    same_step[:, step] = True
    in_time = block.attend_in_time(tokens)
    assert torch.equal(seen_by(in_time[0, step, place], tokens), same_place)
    in_space, class_in_space = block.attend_in_space(tokens, class_token)
    assert torch.equal(seen_by(in_space[0, step, place], tokens), same_step)
    assert seen_by(class_in_space[0], tokens).all()


def test_one_after_the_other_they_bring_another_time_and_place_within_a_block() -> None:
    block, tokens = DividedBlock(16, 4), torch.randn(1, 5, 6, 16, requires_grad=True)
    y, _ = block(tokens, torch.randn(1, 16))
    assert seen_by(y[0, 3, 2], tokens).all()


def test_a_factorised_encoder_s_steps_meet_only_after_their_spatial_encoding() -> None:
    encoder, tokens = FactorisedEncoder(16, 3, 1, 4, 5), torch.randn(1, 5, 6, 16, requires_grad=True)
    steps = encoder.spatial(tokens.flatten(0, 1))
    same_step = torch.zeros(1, 5, 6, dtype=torch.bool)
    same_step[:, 3] = True
    assert torch.equal(seen_by(steps[3], tokens), same_step)
    assert seen_by(encoder(tokens)[0], tokens).all()


@every_variant
def test_the_feature_depends_on_every_patch_of_the_clip(variant: str) -> None:
    net = micro(variant)
    clip = torch.randn(1, 16, 3, 64, 64, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(clip)[0].square().sum(), clip)
    patches = gradient[0].unfold(2, 8, 8).unfold(3, 8, 8).abs().amax((1, 4, 5))
    assert patches.shape == (16, 8, 8) and (patches > 0).all()


@every_variant
def test_the_order_of_steps_is_known_by_the_time_embedding_alone(variant: str) -> None:
    net, clip = micro(variant, tubelet=1, patch=16), torch.randn(1, 16, 3, 64, 64)
    shuffled = clip[:, torch.randperm(16)]
    with torch.inference_mode():
        assert not torch.allclose(net(shuffled), net(clip), atol=1e-4)
        nn.init.zeros_(net.trunk.get_parameter("time"))
        torch.testing.assert_close(net(shuffled), net(clip))


@every_variant
def test_the_place_of_patches_is_known_by_the_space_embedding_alone(variant: str) -> None:
    net, clip = micro(variant), torch.randn(1, 16, 3, 64, 64)
    shuffled = clip.view(1, 16, 3, 64, 8, 8)[..., torch.randperm(8), :].flatten(4)  # columns of patches
    with torch.inference_mode():
        assert not torch.allclose(net(shuffled), net(clip), atol=1e-4)
        nn.init.zeros_(net.space)
        torch.testing.assert_close(net(shuffled), net(clip))


def test_a_block_computes_what_torch_s_own_pre_norm_layer_computes() -> None:
    block = Block(16, 4).eval()
    layer = nn.TransformerEncoderLayer(16, 4, 64, activation="gelu", batch_first=True, norm_first=True).eval()
    attention, (norm, first, _, second) = block.attention, block.feed_forward
    layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias = attention.qkv.parameters()
    layer.self_attn.out_proj, layer.norm1 = attention.project, attention.norm  # type: ignore[assignment]
    layer.norm2, layer.linear1, layer.linear2 = norm, first, second  # type: ignore[assignment]
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(block(x), layer(x))


@pytest.mark.parametrize(
    ("card", "clip", "count", "published_millions"),
    [
        (TIMESFORMER, TIMESFORMER_CLIP, 121_565_584, 121.4),
        (VIVIT, VIVIT_CLIP, 115_061_392, 115.1),
        (VIVIT_JOINT, VIVIT_CLIP, 86_707_600, 88.9),  # ViViT: a position per token, 2.2 M more than per place and step
    ],
    ids=["TimeSformer-B", "ViViT-B/16x2 factorised", "ViViT-B/16x2 joint"],
)
def test_published_sizes_have_the_papers_parameters(
    card: dict[str, Any], clip: ClipSpec, count: int, published_millions: float
) -> None:
    with torch.device("meta"):
        net = nn.Sequential(VideoTransformer(**card, clip=clip), nn.Linear(768, 400))
    assert parameters(net) == count
    assert count / 1e6 == pytest.approx(published_millions, rel=0.03)


@pytest.mark.parametrize(("variant", "count"), [("divided", 368_000), ("factorised", 426_240), ("joint", 426_000)])
def test_micro_sizes_stay_below_half_a_million(variant: str, count: int) -> None:
    net = micro(variant)
    assert parameters(net) == count <= 500_000
    assert net(torch.randn(2, 16, 3, 64, 64)).shape == (2, net.feature_size)


@every_variant
def test_pixels_in_the_worker_s_order_and_half_precision_give_nearly_the_same(variant: str) -> None:
    net, pixels = micro(variant), torch.randn(2, 16, 64, 64, 3).permute(0, 1, 4, 2, 3)
    with torch.inference_mode():
        features = net(pixels.contiguous())
        net.fold()
        torch.testing.assert_close(net(pixels), features)
        half = net.bfloat16()(pixels.bfloat16())
    torch.testing.assert_close(half.float(), features, rtol=0, atol=0.1)


def moving_squares(count: int) -> tuple[Tensor, Tensor]:
    """Clips of a square that goes left or right over a noisy ground, and which of the two."""
    rightwards = torch.randint(2, (count,))
    squares = torch.zeros(count, 8, 3, 32, 32)
    for square, right in zip(squares, rightwards.tolist(), strict=True):
        y, x = torch.randint(4, 20, (2,)).tolist()
        for t, frame in enumerate(square):
            left = x + (t - 4 if right else 4 - t)
            frame[:, y : y + 8, left : left + 8] = 1.5
    return squares + 0.3 * torch.randn(count, 1, 3, 32, 32), rightwards


@pytest.mark.slow
@every_variant
def test_a_fresh_one_learns_which_way_a_square_moves(variant: str) -> None:
    """With weights too small at first, as 0.02 is for narrow tokens, the factorised encoder never begins to learn."""
    encoder = VideoTransformer(**(MICRO[variant] | {"width": 64, "depth": 2}), clip=ClipSpec(8, 32, 32))
    net = nn.Sequential(encoder, nn.Linear(64, 2))
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    for _ in range(120):
        clips, rightwards = moving_squares(24)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(clips), rightwards).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    clips, rightwards = moving_squares(200)
    with torch.inference_mode():
        assert (net(clips).argmax(1) == rightwards).float().mean() > 0.9


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"attention": "axial"}, "attention is one of divided, factorised, joint, got 'axial'"),
        ({"patch": 7}, "patches of 7×7 do not tile pictures of 64×64"),
        ({"patch": 0}, "patch and tubelet must be ≥ 1, got 0 and 2"),
        ({"tubelet": 3}, "tubelets of 3 frames do not tile clips of 16"),
        ({"heads": 3}, "3 heads do not divide a width of 80"),
        ({"depth": 0}, "width, depth and heads must be ≥ 1, got 80, 0, 4"),
        ({"temporal_depth": 4}, "temporal_depth must be 0 where attention is divided, got 4"),
        ({"attention": "factorised"}, "temporal_depth must be ≥ 1 where attention is factorised, got 0"),
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        VideoTransformer(**(MICRO["divided"] | wrong), clip=MICRO_CLIP)
