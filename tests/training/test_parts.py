"""The parts of a training run against known answers."""

import cv2
import numpy as np
import pytest
import torch

from pipeline.evaluation.figures import Watched, figures
from pipeline.evaluation.spans import Span
from pipeline.training.augment import vary, vary_input
from pipeline.training.calibration import choose_rules, resegmented
from pipeline.training.clips import ClipSource
from pipeline.training.features import FeatureStreams, steps_of
from pipeline.training.footage import Footage
from pipeline.training.recipe import View
from pipeline.training.temporal_stage import SequenceSource
from pipeline.values import ClipSpec, FramesWithMotion, UInt8Array

CLIP = ClipSpec(frames=8, height=16, width=16, fps=5.0, stride=4)


def footage(streams: int = 3, length: int = 40) -> Footage:
    """Frame i of stream s is a flat grey of 10 s + i; label 1 holds once, in the last frames of the last stream."""
    grey = (10 * np.arange(streams)[:, None] + np.arange(length)).astype(np.uint8).reshape(-1, 1, 1, 1)
    holds = np.zeros((streams * length, 2), bool)
    holds[:, 0] = True
    holds[-5:, 1] = True
    return Footage(np.broadcast_to(grey, (streams * length, 16, 16, 3)), holds, length)


def test_the_first_step_answers_for_its_whole_clip_and_every_later_one_for_its_newest_frames() -> None:
    assert steps_of(17, CLIP) == [(0, 0, 8), (4, 8, 12), (8, 12, 16)]


def test_clips_never_reach_from_one_stream_into_the_next() -> None:
    source = ClipSource(footage(), CLIP, (0.0,) * 3, (1.0,) * 3)
    assert all(start % 40 <= 40 - CLIP.frames for start in source.spread(50))
    batch = source.plain(source.spread(50))
    greys = (batch.pixels[:, :, 0, 0, 0] * 255).round()
    assert torch.equal(greys.diff(dim=1), torch.ones(50, 7))


def test_a_rare_label_is_shown_in_a_fair_share_of_the_clips() -> None:
    source = ClipSource(footage(streams=40), CLIP, (0.0,) * 3, (1.0,) * 3)
    truth = source.varied(200, View(1.0, 8, 16), (0,)).truth
    assert truth[:, -4:, 1].any(1).float().mean() > 0.2


def test_equal_seeds_give_equal_batches() -> None:
    source = ClipSource(footage(), CLIP, (0.5,) * 3, (0.2,) * 3)
    first, again, other = (source.varied(4, View(1.0, 4, 24), seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert first.pixels.shape == (4, 4, 3, 24, 24)
    assert torch.equal(first.pixels, again.pixels) and not torch.equal(first.pixels, other.pixels)


def test_a_varied_clip_stays_a_clip_and_its_pictures_are_varied_alike() -> None:
    clip = np.random.default_rng(0).integers(60, 190, (1, 32, 32, 3), np.uint8).repeat(4, 0)
    varied = [vary(clip, np.random.default_rng(seed)) for seed in range(20)]
    assert all(v.shape == clip.shape and v.dtype == np.uint8 for v in varied)
    assert all(np.abs(np.diff(v.mean((1, 2, 3)))).max() < 1 for v in varied)
    assert np.std([v.mean() for v in varied]) > 3


def test_sequences_say_how_much_was_lost_where_a_piece_is_missing() -> None:
    features = np.arange(50, dtype=np.float32).reshape(1, 50, 1)
    source = SequenceSource(FeatureStreams(features, np.zeros((1, 50, 2), np.float32)), CLIP)
    rng = np.random.default_rng(0)
    cuts = 0
    for sequence in (source.draw(rng) for _ in range(50)):
        jumps = np.diff(sequence.features[:, 0]) - 1
        inside = jumps > 0
        cuts += inside.sum()
        np.testing.assert_allclose(sequence.gaps_s[1:][inside], jumps[inside] * 0.8, rtol=1e-6)
        assert not sequence.gaps_s[1:][jumps == 0].any()
    assert cuts > 10


def watched(probs: list[float], truth: tuple[Span, ...]) -> Watched:
    edges = np.arange(len(probs) + 1) * 0.8
    column = np.array(probs, np.float32)[:, None]
    return Watched(truth, (), edges[:-1], edges[1:], column, float(edges[-1]))


def test_rules_are_chosen_so_that_segments_fit_the_truth() -> None:
    # An under-confident model: the default threshold of ½ would find nothing.
    video = watched([0.1] * 5 + [0.42] * 5 + [0.1] * 5, (Span(4.0, 8.0, "wave"),))
    rules = choose_rules([video], ("wave",))
    assert [(s.start_s, s.end_s) for s in resegmented([video], rules)[0].predicted] == [pytest.approx((4.0, 8.0))]
    assert rules.rules[0].on <= 0.42


def test_figures_of_a_video_worked_by_hand() -> None:
    video = watched([0.9, 0.9, 0.1, 0.1], (Span(0.0, 1.2, "wave"), Span(0.0, 3.2, "another model's label")))
    found = figures([resegmented([video], choose_rules([video], ("wave",)))[0]], ("wave",), [0.5])
    assert found.frame_accuracy == pytest.approx(14 / 16)  # 1.2…1.6 s is said to be a wave
    assert found.macro_recall == 1 and found.frame_map == 1 and found.frame_map_all == pytest.approx(6 / 8)
    assert (found.f1_10, found.f1_25, found.f1_50, found.edit) == (1, 1, 1, 100)


def test_moments_no_answer_covers_count_as_background() -> None:
    video = Watched((Span(0, 3.2, "wave"),), (), np.array([0.8]), np.array([1.6]), np.ones((1, 1), np.float32), 3.2)
    assert video.frame_probs()[:, 0].tolist() == [0] * 4 + [1] * 4 + [0] * 8


def textured(shift_x: int, shift_y: int, side: int = 64) -> UInt8Array:
    """Two pictures of the same ground, the second one moved."""
    rough = np.random.default_rng(5).integers(0, 256, (side // 4 + 4, side // 4 + 4, 3)).astype(np.float32)
    ground = cv2.resize(rough, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    at = (8, 8), (8 - shift_y, 8 - shift_x)
    return np.stack([ground[y : y + side, x : x + side] for y, x in at])


@pytest.mark.parametrize("size", [(64, 64), (32, 48)])
def test_the_motion_of_a_varied_clip_is_that_of_its_pictures(size: tuple[int, int]) -> None:
    clip, scale = textured(4, 2), np.array([size[1] / 64, size[0] / 64])
    motion = np.broadcast_to((scale * (4, 2))[None, :, None, None], (1, 2, *size)).astype(np.float16)
    search, to_the_left = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM), 0
    for seed in range(16):
        varied = vary_input(FramesWithMotion(clip, motion), np.random.default_rng(seed))
        assert isinstance(varied, FramesWithMotion) and varied.motion.dtype == np.float16
        grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for picture in varied.frames]
        found = np.median(search.calc(*grey, None)[16:48, 16:48], (0, 1))
        middle = varied.motion[0, :, size[0] // 2, size[1] // 2]
        np.testing.assert_allclose(middle / scale, found, atol=0.35)
        to_the_left += bool(middle[0] < 0)
    assert 4 <= to_the_left <= 12, "half of the copies are mirrored"


def middle_of(weights: np.ndarray) -> np.ndarray:
    return np.average(np.indices(weights.shape).reshape(2, -1), axis=1, weights=weights.ravel())


def test_what_moves_in_a_corner_is_varied_to_where_the_picture_has_it() -> None:
    clip, motion = np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 2, 32, 32), np.float16)
    clip[:, 8:24, 40:56], motion[:, 0, 4:12, 20:28] = 255, 3
    for seed in range(8):
        varied = vary_input(FramesWithMotion(clip, motion), np.random.default_rng(seed))
        assert isinstance(varied, FramesWithMotion)
        bright, moving = middle_of(varied.frames[0, ..., 1] > 128), middle_of(abs(varied.motion[0, 0]))
        np.testing.assert_allclose((bright + 0.5) / 2, moving + 0.5, atol=0.3)


def test_a_clip_without_motion_is_varied_as_ever() -> None:
    clip = textured(1, 1)
    given, ever = (one(clip, np.random.default_rng(3)) for one in (vary_input, vary))
    assert np.array_equal(given, ever)
