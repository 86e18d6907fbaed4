"""The media clock, packet by packet."""

import math
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decode import ClockSettings, MediaClock, MediaTime
from pipeline.decode.media_clock import PERIODS_S
from pipeline.values import GapReason


def times(pts: list[float | None], rate: float | None = 10.0, **options: float) -> list[tuple[int, float]]:
    clock = MediaClock(rate, ClockSettings(**options))
    return [(at.epoch, round(at.pts_s, 6)) for at in (clock.next(one, None) for one in pts)]


@pytest.mark.parametrize(
    ("name", "pts", "expected"),
    [
        ("plain", [0.0, 0.1, 0.2], [(0, 0.0), (0, 0.1), (0, 0.2)]),
        ("a transport stream that starts at 1.4 s", [1.4, 1.5], [(0, 0.0), (0, 0.1)]),
        ("negative", [-0.2, -0.1, 0.0], [(0, 0.0), (0, 0.1), (0, 0.2)]),
        ("repeated", [0.0, 0.1, 0.1, 0.2], [(0, 0.0), (0, 0.1), (0, 0.1), (0, 0.2)]),
        ("missing, then resynchronised", [0.0, None, None, 0.35], [(0, 0.0), (0, 0.1), (0, 0.2), (0, 0.35)]),
        ("missing from the start", [None, None, 0.2], [(0, 0.0), (0, 0.1), (0, 0.2)]),
        ("missing from the start of a camera", [None, 5000.0, 5000.1], [(0, 0.0), (0, 0.1), (0, 0.2)]),
        ("missing for ever", [None, None, None], [(0, 0.0), (0, 0.1), (0, 0.2)]),
        ("packed B-frames", [0.4, 0.6, 0.5, 0.7, 0.9, 0.8], [(0, 0.0), *[(0, t) for t in (0.2, 0.2, 0.3, 0.5, 0.5)]]),
        ("a second back is smoothed", [0.0, 1.0, 0.0, 1.1], [(0, 0.0), (0, 1.0), (0, 1.0), (0, 1.1)]),
        ("more than a second back is an epoch", [5.0, 6.0, 0.0, 0.1], [(0, 0.0), (0, 1.0), (1, 0.0), (1, 0.1)]),
        ("a short hole is held", [0.0, 2.0], [(0, 0.0), (0, 2.0)]),
        ("a long hole is an epoch", [0.0, 2.2, 2.3], [(0, 0.0), (1, 0.0), (1, 0.1)]),
    ],
)
def test_raw_stamps_become_media_time(name: str, pts: list[float | None], expected: list[tuple[int, float]]) -> None:
    assert times(pts) == expected, name


def test_a_hole_says_how_much_is_missing_after_the_end_of_the_last_frame() -> None:
    clock = MediaClock(10.0)
    clock.next(7.0, 0.1)
    assert clock.next(12.0, 0.1) == MediaTime(1, 0.0, 0.1, pytest.approx(4.9), GapReason.STALLED)


def test_a_step_back_skips_nothing() -> None:
    clock = MediaClock(10.0)
    clock.next(100.0, 0.1)
    assert clock.next(0.0, 0.1) == MediaTime(1, 0.0, 0.1, 0.0, GapReason.STALLED)


def test_a_hole_filled_with_damaged_frames_is_corrupt_and_counts_from_the_last_good_one() -> None:
    clock = MediaClock(10.0)
    clock.next(0.0, 0.1)
    damaged = [clock.next(number / 10, 0.1, corrupt=True) for number in range(1, 30)]
    assert {at.epoch for at in damaged} == {0}
    assert clock.next(3.0, 0.1) == MediaTime(1, 0.0, 0.1, pytest.approx(2.9), GapReason.CORRUPT)


def test_a_hole_left_by_packets_that_did_not_decode_is_corrupt() -> None:
    clock = MediaClock(10.0)
    clock.next(0.0, 0.1)
    for number in range(1, 30):
        clock.lost(number / 10)
    assert clock.next(3.0, 0.1).skip_reason is GapReason.CORRUPT


def test_a_little_damage_before_a_long_silence_is_a_stall() -> None:
    clock = MediaClock(10.0)
    clock.next(0.0, 0.1)
    clock.next(0.1, 0.1, corrupt=True)
    assert clock.next(9.0, 0.1).skip_reason is GapReason.STALLED


def test_damaged_frames_within_the_hold_limit_begin_no_epoch() -> None:
    clock = MediaClock(10.0)
    clock.next(0.0, 0.1)
    clock.next(0.5, 0.1, corrupt=True)
    assert clock.next(1.0, 0.1) == MediaTime(0, 1.0, 0.1)


@pytest.mark.parametrize("nonsense", [1e6, -1e6])
def test_a_damaged_stamp_cannot_carry_the_time_away(nonsense: float) -> None:
    clock = MediaClock(10.0)
    clock.next(0.0, 0.1)
    assert clock.next(nonsense, 0.1, corrupt=True).pts_s == 0.0
    assert clock.next(0.2, 0.1) == MediaTime(0, 0.2, 0.1)


def test_a_source_of_a_frame_each_five_seconds_is_not_a_stall() -> None:
    assert times([0.0, 5.0, 10.0], rate=0.2) == [(0, 0.0), (0, 5.0), (0, 10.0)]
    assert times([0.0, 5.0, 10.0], rate=25.0) == [(0, 0.0), (1, 0.0), (2, 0.0)]


@pytest.mark.parametrize(("declared", "expected"), [(None, 0.1), (0.0, 0.1), (0.001, 0.1), (0.05, 0.05), (900.0, 0.1)])
def test_unbelievable_durations_give_way_to_the_nominal_one(declared: float | None, expected: float) -> None:
    assert MediaClock(10.0).next(0.0, declared).duration_s == pytest.approx(expected)


def test_after_a_seek_media_time_still_counts_from_the_first_frame_of_the_source() -> None:
    clock = MediaClock(10.0, first_pts_s=1.4)
    assert clock.next(31.4, 0.1) == MediaTime(0, pytest.approx(30.0), 0.1)
    assert clock.next(31.5, 0.1) == MediaTime(0, pytest.approx(30.1), 0.1)


def test_epochs_count_on_from_the_number_given() -> None:
    clock = MediaClock(10.0, epoch=4)
    assert [clock.next(pts_s, 0.1).epoch for pts_s in (0.0, 9.0)] == [4, 5]


@pytest.mark.parametrize("period_s", PERIODS_S)
def test_a_counter_that_begins_anew_is_counted_on_again_and_again(period_s: float) -> None:
    clock = MediaClock(1.0)
    for number in range(0, round(2.5 * period_s), 2):
        at = clock.next(number % period_s, 1.0)
        assert at.epoch == 0 and abs(at.pts_s - number) < 1e-4


def test_pictures_that_were_out_of_order_where_the_counter_began_anew_are_in_time() -> None:
    period_s = PERIODS_S[0]
    raw = [period_s - 0.2, period_s - 0.1, 0.1, period_s, 0.3, 0.2, 0.4]
    assert times([*raw]) == [(0, pytest.approx(t)) for t in (0.0, 0.1, 0.3, 0.3, 0.5, 0.5, 0.6)]


def test_a_restart_at_zero_that_is_no_wrap_begins_an_epoch() -> None:
    assert times([PERIODS_S[1] - 60, 0.0]) == [(0, 0.0), (1, 0.0)]
    assert times([0.0, PERIODS_S[1] - 60]) == [(0, 0.0), (1, 0.0)]


def test_a_damaged_stamp_may_begin_anew_too() -> None:
    clock = MediaClock(10.0)
    clock.next(PERIODS_S[0] - 0.1, 0.1)
    assert clock.next(0.0, 0.1, corrupt=True).pts_s == pytest.approx(0.1)
    assert clock.next(0.1, 0.1) == MediaTime(0, pytest.approx(0.2), 0.1)


wraps = st.sampled_from([0, *PERIODS_S]).flatmap(lambda period_s: st.floats(-5, 5).map(lambda off_s: period_s + off_s))
stamps = st.one_of(
    st.none(), st.floats(-1e6, 1e6), st.floats(0, 10), st.integers(0, 100).map(lambda n: n / 25), wraps, wraps
)


@settings(deadline=None)
@given(st.lists(st.tuples(stamps, st.booleans()), max_size=60))
def test_time_never_runs_back_within_an_epoch_whatever_comes(frames: list[tuple[float | None, bool]]) -> None:
    clock = MediaClock(25.0)
    last = MediaTime(0, 0.0, 0.04)
    for pts_s, corrupt in frames:
        at = clock.next(pts_s, None, corrupt)
        assert math.isfinite(at.pts_s) and at.duration_s > 0 and at.skipped_s >= 0
        assert (at.epoch, at.pts_s) >= (last.epoch, last.pts_s)
        assert at.epoch - last.epoch <= (0 if corrupt else 1)
        if at.epoch == last.epoch:
            assert at.skipped_s == 0
        last = at


@settings(deadline=None)
@given(st.integers(1, 60), st.sampled_from(PERIODS_S), st.floats(0, 5), st.lists(st.sampled_from([1, 2, 5, 130])))
def test_a_wrap_never_shows(rate: int, period_s: float, before_s: float, steps: list[int]) -> None:
    """The same pictures and holes give the same times and epochs, wherever the counter stands."""
    plain, wrapping = MediaClock(float(rate)), MediaClock(float(rate))
    for number in accumulate([0, *steps]):
        expected = plain.next(number / rate, 1 / rate)
        at = wrapping.next((period_s - before_s + number / rate) % period_s, 1 / rate)
        assert (at.epoch, at.pts_s) == (expected.epoch, pytest.approx(expected.pts_s, abs=1e-6))


@settings(deadline=None)
@given(st.integers(1, 120), st.floats(-1000, 1000))
def test_a_sound_source_keeps_its_times_wherever_it_starts(rate: int, start_s: float) -> None:
    clock = MediaClock(float(rate))
    for number in range(100):
        assert clock.next(start_s + number / rate, 1 / rate).pts_s == pytest.approx(number / rate, abs=1e-9)
