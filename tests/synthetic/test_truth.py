"""Rules of the situations on hand-made tracks, and the truth of whole scenes against a second computation."""

import itertools
import json

import numpy as np
import pytest

from pipeline.synthetic import ACTIONS, SITUATIONS, Interval, Scene, SceneSpec, Truth
from pipeline.synthetic.sight import point_visible
from pipeline.synthetic.truth import abandoned, loitering, returns, union

INFINITY = float("inf")
STEP_S = 0.04


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], []),
        ([(0.0, 20.0)], []),
        ([(5.0, 30.0)], [(25.0, 30.0)]),
        ([(5.0, 15.0), (16.9, 30.0)], [(25.0, 30.0)]),
        ([(5.0, 15.0), (17.0, 30.0)], []),
        ([(0.0, 21.0), (23.5, 50.0)], [(20.0, 21.0), (43.5, 50.0)]),
    ],
)
def test_loitering_begins_after_twenty_seconds_of_presence(
    seen: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    assert loitering(seen) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([(0.0, 5.0)], []),
        ([(0.0, 5.0), (14.9, 20.0)], []),
        ([(0.0, 5.0), (15.0, 20.0)], [(15.0, 20.0)]),
        ([(0.0, 5.0), (15.0, 16.0), (17.5, 20.0)], [(15.0, 20.0)]),
        ([(0.0, 5.0), (15.0, 16.0), (19.0, 20.0)], [(15.0, 16.0)]),
    ],
)
def test_return_needs_an_absence_of_ten_seconds(
    seen: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    assert returns(seen) == expected


@pytest.mark.parametrize(
    ("owner_seen", "put_s", "taken_s", "expected"),
    [
        ([(0.0, 20.0)], 8.0, INFINITY, [(20.0, INFINITY)]),
        ([(0.0, 20.0)], 8.0, 33.0, [(20.0, 33.0)]),
        ([(0.0, 20.0)], 8.0, 15.0, []),
        ([(0.0, 9.0), (12.0, 20.0)], 8.0, 33.0, [(20.0, 33.0)]),
        ([], 8.0, 33.0, []),
    ],
)
def test_a_bag_is_abandoned_from_its_owners_exit_until_it_is_taken(
    owner_seen: list[tuple[float, float]], put_s: float, taken_s: float, expected: list[tuple[float, float]]
) -> None:
    assert abandoned(owner_seen, put_s, taken_s) == expected


def test_union_joins_what_overlaps_touches_or_nearly_touches() -> None:
    stretches = [(5.0, 6.0), (0.0, 2.0), (1.0, 3.0), (3.0, 4.0), (9.0, 9.0)]
    assert union(stretches) == [(0.0, 4.0), (5.0, 6.0)]
    assert union(stretches, closing_s=1.5) == [(0.0, 6.0)]


def test_truth_answers_by_time_and_as_a_table() -> None:
    truth = Truth(10.0, (Interval(1.0, 3.0, "walk"), Interval(2.0, 4.0, "wave")))
    assert [truth.active(t) for t in (0.9, 1.0, 2.5, 3.0, 4.0)] == [set(), {"walk"}, {"walk", "wave"}, {"wave"}, set()]
    table = truth.table(np.array([0.9, 2.5, 3.0]), ("wave", "walk"))
    assert table.tolist() == [[False, False], [True, True], [True, False]]


def test_the_timeline_has_our_own_format_and_stable_ids() -> None:
    timeline = json.loads(Scene(SceneSpec(3)).truth.json("cam"))
    assert set(timeline) == {"stream", "model", "duration", "segments", "gaps"}
    assert (timeline["stream"], timeline["model"], timeline["duration"], timeline["gaps"]) == (
        "cam",
        "synthetic",
        60,
        [],
    )
    assert all(set(one) == {"id", "label", "start", "end", "score", "peak"} for one in timeline["segments"])
    identities = [one["id"] for one in timeline["segments"]]
    assert len(set(identities)) == len(identities)
    assert timeline == Scene(SceneSpec(3)).truth.timeline("cam")


def _presence(scene: Scene, identity: int, grid: np.ndarray) -> np.ndarray:
    """Frame by frame: is this person visible?"""
    visible = np.zeros(len(grid), dtype=bool)
    for visit, seen in zip(scene.script.visits, scene.seen, strict=True):
        if visit.identity == identity:
            for start, end in seen:
                visible |= (grid >= start - 1e-6) & (grid < end - 1e-6)
    return visible


def _situations_frame_by_frame(scene: Scene, grid: np.ndarray) -> np.ndarray:
    """Compute the situations with a state machine that walks over the frames, knowing nothing of intervals."""
    out = np.zeros((len(grid), 3), dtype=bool)
    for identity in {visit.identity for visit in scene.script.visits}:
        _follow_person(_presence(scene, identity, grid), out)
    for one, rest in [(bag, rest) for bag in scene.script.bags for rest in bag.rests]:
        place = np.array([rest.x, 0.15, rest.z])
        if not point_visible(place, scene.setting.camera, scene.setting.screen_outlines()):
            continue
        owner = np.zeros(len(grid), dtype=bool)
        for start, end in scene.seen[rest.owner]:
            owner |= (grid >= start - 1e-6) & (grid < end - 1e-6)
        gone = owner.any() & (np.arange(len(grid)) > np.flatnonzero(owner).max(initial=-1))
        stands = np.array([one.rest_at(float(t)) == rest for t in grid])
        out[:, SITUATIONS.index("abandoned_bag")] |= gone & stands
    return out


def _follow_person(visible: np.ndarray, out: np.ndarray) -> None:
    """A person has left when not seen for 2 s; mark loitering and return up to the last moment they were seen."""
    arrived = last = left = None
    came_back = False
    for frame, now in enumerate(visible):
        if now:
            if arrived is None:
                arrived, came_back = frame, left is not None and (frame - left - 1) * STEP_S >= 10 - 1e-6
            hidden_from = frame if last is None else last + 1
            for mark in range(max(arrived, hidden_from), frame + 1):
                out[mark, SITUATIONS.index("loitering")] |= (mark - arrived) * STEP_S >= 20 - 1e-6
                out[mark, SITUATIONS.index("return")] |= came_back
            last = frame
        elif last is not None and (frame - last) * STEP_S >= 2 - 1e-6:
            arrived, left, last = None, last, None


@pytest.mark.parametrize(("seed", "people"), [(seed, 1 + seed % 3) for seed in range(8)])
def test_situations_agree_with_a_frame_by_frame_state_machine(seed: int, people: int) -> None:
    scene = Scene(SceneSpec(seed, 120.0, people))
    grid = np.arange(0, 120.0, STEP_S)
    expected = _situations_frame_by_frame(scene, grid)
    given = scene.labels(grid + 1e-6, SITUATIONS)
    # An interval's ends are exact; the state machine knows them to the frame.
    for column in range(len(SITUATIONS)):
        differing = np.flatnonzero(expected[:, column] != given[:, column])
        edges = np.flatnonzero(np.diff(expected[:, column].astype(int), prepend=0, append=0))
        far = [frame for frame in differing if not len(edges) or np.abs(edges - frame).min() > 1]
        assert far == [], f"{SITUATIONS[column]} differs at {grid[far][:5]}"


def test_every_situation_and_action_occurs() -> None:
    labels = {i.label for seed in range(4) for i in Scene(SceneSpec(seed, 200.0, 2)).truth.intervals}
    assert labels == set(ACTIONS) | set(SITUATIONS)


def test_intervals_of_one_label_neither_overlap_nor_touch() -> None:
    for seed in range(3):
        intervals = Scene(SceneSpec(seed, 60.0, 3)).truth.intervals
        for label in ACTIONS + SITUATIONS:
            own = [interval for interval in intervals if interval.label == label]
            assert all(first.end_s < second.start_s for first, second in itertools.pairwise(own))
            assert all(0 <= interval.start_s < interval.end_s <= 60 for interval in own)
