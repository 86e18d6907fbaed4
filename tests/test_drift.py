"""Clocks that run fast or slow: where an epoch's frames are placed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.drift import Drift

ORIGIN_S = 1_000.0
FRAME_S = 0.2
DAY_S = 86_400


def placed(frames: int, media_rate: float, delays_s: list[float], camera: bool = False) -> list[float]:
    """Where frames lie, `FRAME_S` apart, whose media clock runs at `media_rate`, less where they were taken."""
    drift = Drift(ORIGIN_S, 0.0, 0.0)
    off = []
    for number in range(frames):
        taken_s, delay_s = number * FRAME_S, delays_s[number % len(delays_s)]
        pts_s = taken_s * media_rate
        if camera:
            drift.told(pts_s, ORIGIN_S + taken_s)
        else:
            drift.arrived(pts_s, ORIGIN_S + taken_s + delay_s)
        off.append(drift.place(pts_s, taken_s + delay_s) - taken_s)
    return off


@pytest.mark.parametrize("parts_per_million", [-200, 200])
@pytest.mark.parametrize("camera", [True, False])
def test_after_a_day_a_clock_that_runs_fast_or_slow_is_where_the_wall_clock_is(parts_per_million, camera) -> None:
    off = placed(round(DAY_S / FRAME_S), 1 + parts_per_million / 1e6, [0.05, 0.3, 0.0, 0.1], camera)
    assert max(map(abs, off)) < 0.02, "17 s without correction"


def test_a_right_clock_is_never_corrected() -> None:
    assert placed(1000, 1.0, [0.0]) == pytest.approx([0.0] * 1000, abs=1e-9)
    assert placed(1000, 1.0, [0.0], camera=True) == pytest.approx([0.0] * 1000, abs=1e-9)


def test_a_delay_that_comes_and_goes_moves_nothing() -> None:
    stall = [0.0] * 100 + [0.2 * late for late in range(50, 0, -1)] + [0.0] * 100
    assert max(map(abs, placed(len(stall), 1.0, stall))) < 1e-9


def test_a_first_picture_that_was_delayed_is_made_good_slowly() -> None:
    off = placed(600, 1.0, [0.0], camera=True)
    assert off[-1] == pytest.approx(0.0, abs=1e-9)
    drift = Drift(ORIGIN_S + 0.5, 0.0, 0.0)  # it came half a second late
    for number in range(300):
        drift.arrived(number * FRAME_S, ORIGIN_S + number * FRAME_S)
        place_s = drift.place(number * FRAME_S, number * FRAME_S)
    assert place_s == pytest.approx(299 * FRAME_S - 0.5)


def test_a_source_that_lags_more_and_more_says_so() -> None:
    drift = Drift(ORIGIN_S, 0.0, 0.0)
    for number in range(1_000):
        drift.arrived(number * FRAME_S, ORIGIN_S + number * FRAME_S * 1.2)
        drift.place(number * FRAME_S, number * FRAME_S * 1.2)
    assert drift.behind_s > 20


def test_a_source_that_plays_faster_than_time_stays_near_the_present() -> None:
    off = placed(5_000, 3.0, [0.0])
    assert max(off) == pytest.approx(Drift.AHEAD_S)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(-1e5, 1e5), st.floats(0, 5), st.booleans()), max_size=80))
def test_places_never_decrease_and_keep_step_with_media_time_whatever_the_clocks_say(steps) -> None:
    drift = Drift(ORIGIN_S, 0.0, 0.0)
    pts_s = monotonic_s = 0.0
    places = [(0.0, 0.0)]
    for media_s, wall_s, passed_s, camera in steps:
        pts_s, monotonic_s = pts_s + media_s, monotonic_s + passed_s
        (drift.told if camera else drift.arrived)(pts_s, ORIGIN_S + wall_s)
        places.append((drift.place(pts_s, monotonic_s), pts_s))
        assert places[-1][0] <= monotonic_s + Drift.AHEAD_S + 1e-6
    for (before_s, before_pts_s), (after_s, after_pts_s) in pairwise(places):
        assert 0 <= after_s - before_s <= (after_pts_s - before_pts_s) * (1 + Drift.RATE) + 1e-6
