"""People move like bodies: without jumps, with their feet on the floor, for as long as each action takes."""

import itertools

import numpy as np
import pytest

from pipeline.synthetic import Scene, SceneSpec
from pipeline.synthetic.body import Body, Joint, pose
from pipeline.synthetic.motion import travelled_m

SEEDS = (0, 1, 2, 10_001, 20_001, 20_002)
DURATIONS_S = {
    "walk": (2.0, 12.0),
    "run": (2.0, 6.6),
    "wave": (2.5, 6.0),
    "sit_down": (1.2, 2.2),
    "sit": (4.0, 14.0),
    "stand_up": (1.2, 2.2),
    "fall": (0.8, 1.6),
    "lie": (4.0, 12.0),
}


def spans(seed: int) -> list[tuple[str, float]]:
    return [
        (span.labels[0], span.end_s - span.start_s)
        for visit in Scene(SceneSpec(seed, 120.0, 2)).script.visits
        for span in visit.spans
        if len(span.labels) == 1
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_actions_take_as_long_as_they_take(seed: int) -> None:
    for label, duration in spans(seed):
        low, high = DURATIONS_S[label]
        assert low <= duration <= high, (label, duration)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_joint_jumps(seed: int) -> None:
    step_s = 0.02
    for visit in Scene(SceneSpec(seed)).script.visits:
        joints = visit.joints(np.arange(visit.start_s, visit.end_s, step_s))
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() / step_s
        assert speed < 16, f"a joint moves at {speed:.1f} m/s"


@pytest.mark.parametrize("seed", SEEDS)
def test_somebody_is_always_on_the_floor(seed: int) -> None:
    for visit in Scene(SceneSpec(seed)).script.visits:
        joints = visit.joints(np.arange(visit.start_s, visit.end_s, 0.1))
        lowest = (joints[..., 1] - visit.person.body.radii).min(axis=1)
        assert (lowest > -1e-9).all()
        assert (lowest < 0.06).all(), "only running leaves the floor, and not by more than its bounce"


@pytest.mark.parametrize("seed", SEEDS)
def test_each_action_follows_from_the_one_before(seed: int) -> None:
    before_of = {"sit": "sit_down", "lie": "fall"}
    for visit in Scene(SceneSpec(seed, 120.0)).script.visits:
        names = [span.labels[0] if span.labels else "" for span in visit.spans]
        for before, now in itertools.pairwise(names):
            if now == "stand_up":
                assert before in ("sit", "lie")
            if now in before_of:
                assert before in (before_of[now], now)
        assert all(a.end_s == b.start_s for a, b in itertools.pairwise(visit.spans))


def test_the_pose_at_a_time_does_not_depend_on_the_other_times_asked_for() -> None:
    visit = Scene(SceneSpec(5)).script.visits[0]
    times = np.linspace(visit.start_s, visit.end_s - 0.01, 60)
    one_by_one = np.concatenate([visit.joints(times[index : index + 1]) for index in range(len(times))])
    np.testing.assert_allclose(visit.joints(times), one_by_one, atol=1e-9)


def test_a_standing_body_is_as_tall_as_it_says() -> None:
    body = Body(1.8, 1.0)
    joints = body.joints(pose()[None], np.zeros((1, 3)))[0]
    assert joints[Joint.HEAD, 1] + body.radii[Joint.HEAD] == pytest.approx(1.8, abs=0.06)
    assert joints[Joint.HIP_R, 0] > 0 > joints[Joint.HIP_L, 0]
    assert joints[Joint.TOE_L, 2] > joints[Joint.ANKLE_L, 2]


def test_sitting_brings_the_hips_to_the_height_of_a_seat() -> None:
    sitting = pose(HIP_L=88, HIP_R=88, KNEE_L=88, KNEE_R=88)
    joints = Body(1.72, 1.0).joints(sitting[None], np.zeros((1, 3)))[0]
    assert 0.4 < joints[Joint.PELVIS, 1] < 0.6


def test_distance_covers_the_way_and_never_goes_back() -> None:
    way = travelled_m(np.linspace(0, 4, 400), 4.0, 6.0)
    assert (way[0], way[-1]) == (pytest.approx(0.0), pytest.approx(6.0))
    assert (np.diff(way) >= 0).all()
