"""Sample and hold, frame by frame."""

from bisect import bisect_right
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clip import Sampler
from pipeline.values import DecodedFrame, Scaling, UInt8Array


class Blank:
    """A picture nobody looks at."""

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        return np.zeros((height, width, 3), np.uint8)


def frame(pts_s: float, corrupt: bool = False) -> DecodedFrame:
    return DecodedFrame(0, pts_s, 0.04, None, corrupt, Blank())


def sampled(pts: list[float], end_s: float, fps: float = 5.0, next_ordinal: int = 0) -> list[tuple[int, float]]:
    sampler = Sampler(fps, next_ordinal)
    samples = [sample for one in pts for sample in sampler.push(frame(one))] + sampler.finish(end_s)
    return [(sample.ordinal, sample.frame.pts_s) for sample in samples]


@pytest.mark.parametrize(
    ("name", "pts", "end_s", "expected"),
    [
        ("exactly on the grid", [0.0, 0.2, 0.4], 0.6, [(0, 0.0), (1, 0.2), (2, 0.4)]),
        ("twice the rate", [0.0, 0.1, 0.2, 0.3, 0.4], 0.5, [(0, 0.0), (1, 0.2), (2, 0.4)]),
        ("a slow source repeats", [0.0, 1.0], 1.3, [*[(k, 0.0) for k in range(5)], (5, 1.0), (6, 1.0)]),
        ("between the points the older one holds", [0.0, 0.19, 0.21], 0.5, [(0, 0.0), (1, 0.19), (2, 0.21)]),
        ("rounded to microseconds", [0.0, 0.200001, 0.399999], 0.6, [(0, 0.0), (1, 0.200001), (2, 0.399999)]),
        ("repeated times take the newest", [0.0, 0.0, 0.2, 0.2], 0.4, [(0, 0.0), (1, 0.2)]),
        ("one frame", [0.0], 0.04, [(0, 0.0)]),
        ("nothing", [], 0.0, []),
    ],
)
def test_each_grid_point_takes_the_last_frame_shown(
    name: str, pts: list[float], end_s: float, expected: list[tuple[int, float]]
) -> None:
    assert sampled(pts, end_s) == expected, name


def test_damaged_frames_are_never_kept() -> None:
    sampler = Sampler(5.0)
    frames = [frame(0.0), frame(0.2, corrupt=True), frame(0.4, corrupt=True), frame(0.6)]
    samples = [sample for one in frames for sample in sampler.push(one)] + sampler.finish(0.7)
    assert [(sample.ordinal, sample.frame.pts_s) for sample in samples] == [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.6)]


def test_an_epoch_that_opens_with_damage_is_filled_from_its_first_good_frame() -> None:
    sampler = Sampler(5.0)
    assert sampler.push(frame(0.0, corrupt=True)) == []
    assert [sample.ordinal for sample in sampler.push(frame(0.5))] == [0, 1, 2]


def test_after_a_seek_only_what_was_wanted_comes_out() -> None:
    assert sampled([1.0, 1.2, 1.4, 1.6], 1.8, next_ordinal=7) == [(7, 1.4), (8, 1.6)]


def test_after_a_seek_too_far_the_missing_points_are_not_invented() -> None:
    assert sampled([2.0, 2.2], 2.4, next_ordinal=7) == [(10, 2.0), (11, 2.2)]


@settings(deadline=None)
@given(
    rate=st.sampled_from([Fraction(1, 5), Fraction(1), Fraction(10), Fraction(24000, 1001), Fraction(25)])
    | st.sampled_from([Fraction(30000, 1001), Fraction(30), Fraction(60), Fraction(60000, 1001), Fraction(240)]),
    fps=st.sampled_from([1.0, 5.0, 7.5, 10.0, 30000 / 1001]),
    seconds=st.integers(1, 40),
    tick=st.sampled_from([None, 1 / 90000, 1e-6, 1 / 15360]),
)
def test_every_rate_gives_the_same_grid(rate: Fraction, fps: float, seconds: int, tick: float | None) -> None:
    count = int(rate * seconds) or 1
    exact = [float(number / rate) for number in range(count)]
    pts = exact if tick is None else [round(one / tick) * tick for one in exact]
    end_s = float(count / rate)
    samples = sampled(pts, end_s, fps)
    assert [ordinal for ordinal, _ in samples] == [k for k in range(10_000) if k / fps < end_s - 1e-4]
    for ordinal, pts_s in samples:
        newest = bisect_right(pts, ordinal / fps), bisect_right(pts, ordinal / fps + 1e-4)
        assert pts_s in [pts[count - 1] for count in newest]


def test_a_first_frame_after_a_seek_may_be_far_away() -> None:
    assert sampled([1e12 + 0.1, 1e12 + 0.3], 1e12 + 0.4) == [(5 * 10**12 + 1, 1e12 + 0.1)]


def test_a_sample_says_whether_its_frame_stood_for_the_point_before() -> None:
    sampler = Sampler(5.0)
    samples = [sample for one in (0.0, 0.5, 0.7) for sample in sampler.push(frame(one))] + sampler.finish(1.1)
    assert [(sample.ordinal, sample.again) for sample in samples] == [
        (0, False),
        (1, True),
        (2, True),
        (3, False),
        (4, False),
        (5, True),
    ]
