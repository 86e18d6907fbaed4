"""Two streams: what each sees, how both answer together, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.anatomy import dissect
from pipeline.models.batcher import Batcher
from pipeline.models.build import build, load_model, probabilities, save_model
from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.models.encoders.two_stream import FURTHEST, TwoStream, without_pan
from pipeline.models.ladder import architectures
from pipeline.models.numerics import Numerics
from pipeline.models.profile import detect_numerics
from pipeline.models.requests import black_clip
from pipeline.models.temporal.stream_fusion import FUSIONS, StreamFusion, svm_features
from pipeline.models.worker import ModelWorker
from pipeline.values import ClipSpec, FramesWithMotion, MotionSpec
from tests.models.micro import make_model_dir

CLIP = ClipSpec(frames=4, height=32, width=32, stride=2, motion=MotionSpec(pairs=3, height=32, width=48))
LABELS = (LabelSet("class", "exclusive", ("a", "b", "c")),)


def card(fusion: str = "average", clip: ClipSpec = CLIP) -> ModelCard:
    return replace(
        architectures()["two-stream-micro"][1].card("two"),
        clip=clip,
        label_sets=LABELS,
        temporal=Part("stream_fusion", {"fusion": fusion, "kind": "exclusive"}),
    )


def inputs(count: int = 2, clip: ClipSpec = CLIP) -> tuple[Tensor, Tensor]:
    assert clip.motion
    size = clip.motion.pairs, 2, clip.motion.height, clip.motion.width
    return torch.randn(count, clip.frames, 3, clip.height, clip.width), 5 * torch.randn(count, *size)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def encoder() -> TwoStream:
    made = TwoStream("micro", clip=CLIP)
    made.eval()
    return made


def halves(features: Tensor) -> tuple[Tensor, Tensor]:
    spatial, temporal = features.detach().chunk(2, -1)
    return spatial, temporal


def test_the_temporal_net_begins_with_a_channel_for_each_component_of_each_field() -> None:
    for name, width in (("two-stream", 96), ("two-stream-micro", 16)):
        with torch.device("meta"):
            model = build(architectures()[name][1].card(name))
        first = next(one for one in model.encoder.temporal.modules() if isinstance(one, torch.nn.Conv2d))
        assert (first.out_channels, first.in_channels) == (width, 2 * 10)


def test_the_published_size_is_that_of_two_cnn_m_2048() -> None:
    """Sizes and costs by hand: 224 → 109 → 54 → 26 → 13 → 6 pixels a side."""
    anatomy = dissect(architectures()["two-stream"][1].card("two-stream"))
    rest = [(96 * 25 + 1) * 256, (256 * 9 + 1) * 512, (512 * 9 + 1) * 512, (512 * 9 + 1) * 512]
    heads = [(512 * 36 + 1) * 4096, 4097 * 2048, 2049 * 101]
    firsts = [(3 * 49 + 1) * 96, (20 * 49 + 1) * 96]
    assert anatomy.parameters == sum(firsts) + 2 * sum(rest + heads) + 203 * 101
    rest_macs = [26**2 * 96 * 25 * 256, 13**2 * 256 * 9 * 512, 2 * 13**2 * 512 * 9 * 512, 512 * 36 * 4096, 4096 * 2048]
    first_macs = 109**2 * 96 * 49 * (3 + 20)
    assert round(anatomy.gmac * 1e9) == first_macs + 2 * (sum(rest_macs) + 2048 * 101)


def test_the_temporal_net_has_no_second_norm() -> None:
    with torch.device("meta"):
        encoder = build(architectures()["two-stream"][1].card("two-stream")).encoder
    norms = [sum("Norm" in type(one).__name__ for one in net.modules()) for net in (encoder.spatial, encoder.temporal)]
    assert norms == [2, 1]


def test_its_layers_are_those_of_both_streams_and_motion_is_no_frame() -> None:
    layers = dissect(architectures()["two-stream-micro"][1].card("two")).layers
    seen = {layer.name.rpartition(".0.0.conv")[0]: layer.time.size for layer in layers if ".0.0.conv" in layer.name}
    assert seen == {"encoder.spatial": 1, "encoder.temporal": 0}


def test_the_spatial_stream_sees_the_newest_frame_and_no_motion(encoder: TwoStream) -> None:
    clips, motion = inputs()
    spatial, temporal = halves(encoder(clips, motion))
    older = torch.cat([torch.randn_like(clips[:, :-1]), clips[:, -1:]], 1)
    assert torch.equal(encoder(older, motion), torch.cat([spatial, temporal], 1))
    assert torch.equal(halves(encoder(clips, torch.randn_like(motion)))[0], spatial)
    assert not torch.allclose(halves(encoder(torch.randn_like(clips), motion))[0], spatial)


def test_the_temporal_stream_sees_motion_in_its_order_and_no_picture(encoder: TwoStream) -> None:
    clips, motion = inputs()
    temporal = halves(encoder(clips, motion))[1]
    assert torch.equal(halves(encoder(torch.randn_like(clips), motion))[1], temporal)
    for other in (motion.flip(1), motion.flip(2)):
        assert not torch.allclose(halves(encoder(clips, other))[1], temporal, atol=1e-3)


@given(x=st.floats(-FURTHEST, FURTHEST), y=st.floats(-FURTHEST, FURTHEST))
def test_a_camera_that_pans_moves_nothing(x: float, y: float) -> None:
    pan = torch.tensor([x, y]).view(1, 1, 2, 1, 1).expand(1, 3, 2, 8, 8)
    assert without_pan(pan).abs().max() < 1e-4
    moving = torch.rand(1, 3, 2, 8, 8)
    within = moving + 0.9 * pan.clamp(-18, 18)
    torch.testing.assert_close(without_pan(within), without_pan(moving), atol=1e-4, rtol=0)


def test_what_moves_too_far_counts_as_moved_so_far() -> None:
    far = torch.zeros(1, 1, 2, 4, 4)
    far[..., 0, 0] = 1000.0
    assert without_pan(far).max() == FURTHEST * 15 / 16


def test_the_average_is_that_of_the_streams_probabilities() -> None:
    for kind, label_sets in (
        ("exclusive", LABELS),
        ("independent", (LabelSet("x", "independent", ("a", "b", "c", "d")),)),
    ):
        model = StreamFusion(12, logits=4, kind=kind)
        features = 3 * torch.randn(5, 12)
        logits, _ = model.step(features, torch.zeros(5), model.initial_state(5))
        alone = [probabilities(one, label_sets) for one in model.stream_logits(features).unbind(-2)]
        torch.testing.assert_close(probabilities(logits, label_sets), (alone[0] + alone[1]) / 2)


def test_a_card_asks_the_same_weights_as_a_whole_or_by_their_parts(tmp_path: Path) -> None:
    make_model_dir(tmp_path / "average", card=card())
    model = load_model(tmp_path / "average")
    asked = FramesWithMotion(*(one[0].numpy() for one in inputs(1)))
    asked = FramesWithMotion(np.uint8(asked.frames.transpose(0, 2, 3, 1) * 50 + 100), np.float16(asked.motion))
    answers = {}
    for fusion in FUSIONS:
        save_model(tmp_path / fusion, replace(model, card=card(fusion)))
        weights = [(tmp_path / one / "model.safetensors").read_bytes() for one in ("average", fusion)]
        assert weights[0] == weights[1]
        answers[fusion] = ModelWorker(tmp_path / fusion, float32()).infer(asked, 0.0, None).probs[0]
    np.testing.assert_allclose(answers["average"], (answers["spatial"] + answers["temporal"]) / 2, atol=1e-6)
    assert len({answer.tobytes() for answer in answers.values()}) == 4


def test_step_equals_forward_for_every_fusion() -> None:
    for fusion in FUSIONS:
        model = StreamFusion(12, logits=4, fusion=fusion, kind="exclusive")
        features, nothing = torch.randn(2, 5, 12), model.initial_state(2)
        whole, _ = model(features, torch.zeros(2, 5), nothing)
        steps = [model.step(features[:, at], torch.zeros(2), nothing)[0] for at in range(5)]
        torch.testing.assert_close(torch.stack(steps, 1), whole)


def test_the_svm_sees_each_streams_probabilities_at_length_one() -> None:
    features = svm_features(torch.tensor([[[0.0, 0.0], [float(np.log(3.0)), 0.0]]]))
    half = 0.5**0.5
    torch.testing.assert_close(features, torch.tensor([[half, half, 0.75 / 0.625**0.5, 0.25 / 0.625**0.5]]))


def float32(bucket: int = 1) -> Numerics:
    return replace(detect_numerics("cpu"), dtype="float32", encode_bucket=bucket)


def test_a_worker_refuses_a_clip_without_its_motion_and_motion_nobody_asked_for(tmp_path: Path) -> None:
    worker = ModelWorker(make_model_dir(tmp_path / "two", card=card()), float32())
    asked = black_clip(CLIP)
    assert isinstance(asked, FramesWithMotion) and len(worker.encode([asked])) == 1
    with pytest.raises(ValueError, match=r"wants motion of \(3, 2, 32, 48\) float16, got nothing"):
        worker.encode([asked.frames])
    with pytest.raises(ValueError, match=r"wants motion of .* got \(3, 2, 32, 48\) float32"):
        worker.encode([FramesWithMotion(asked.frames, asked.motion.astype(np.float32))])
    with pytest.raises(ValueError, match=r"wants clips of \(4, 32, 32, 3\) uint8, got \(3, 32, 32, 3\)"):
        worker.encode([FramesWithMotion(asked.frames[1:], asked.motion)])
    blind = ModelWorker(make_model_dir(tmp_path / "blind"), float32())
    plain = black_clip(blind.card.clip)
    with pytest.raises(ValueError, match="wants motion of nothing, got"):
        blind.encode([FramesWithMotion(plain, asked.motion)])


def test_motion_goes_with_its_clip_through_a_batch(tmp_path: Path) -> None:
    worker = ModelWorker(make_model_dir(tmp_path, card=card()), float32(bucket=4))
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, 32, 32, 3), np.uint8)
    asked = [FramesWithMotion(frames, rng.normal(0, 3, (3, 2, 32, 48)).astype(np.float16)) for _ in range(6)]
    alone = [worker.encode([one])[0].tobytes() for one in asked]
    assert len(set(alone)) == 6
    batcher = Batcher(worker, threads=2, wait_s=0.05)
    answers = [batcher.encode(one) for one in asked]
    assert [answer.result().tobytes() for answer in answers] == alone
    batcher.close()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"clip": replace(CLIP, motion=None)}, "two streams want a clip with motion"),
        ({"encoder": Part("two_stream", {"backbone": "vgg"})}, "choose one of alexnet, cnn_m, micro"),
        ({"encoder": Part("late_pooling", {"backbone": "micro"})}, "has motion, which late_pooling does not look at"),
        ({"temporal": Part("stream_fusion", {"fusion": "max"})}, "choose one of spatial, temporal, average, svm"),
        ({"temporal": Part("stream_fusion", {"fusion": "svm"})}, "exclusive label set, not independent"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        build(replace(card(), **changed))


def test_half_precision_gives_nearly_the_same_scores(tmp_path: Path) -> None:
    directory = make_model_dir(tmp_path, card=card())
    exact, half = (ModelWorker(directory, replace(float32(), dtype=dtype)) for dtype in ("float32", "bfloat16"))
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    for seed in range(4):
        motion = np.random.default_rng(seed).normal(15, 2, (3, 2, 32, 48)).astype(np.float16)  # most of it is a pan
        scores = [worker.infer(FramesWithMotion(frames, motion), 0.0, None).probs for worker in (exact, half)]
        np.testing.assert_allclose(*scores, atol=0.02)
