"""Too much to do is shared evenly: simulated fleets under a model that is too slow for them."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import ManualClock
from pipeline.control.shed import Shedding
from pipeline.hooks import Hooks
from pipeline.lane_queue import LaneContext, LaneLimits, LaneQueue
from pipeline.values import Clip, Gap

CLIP_S = 0.8


def clip(step: int) -> Clip:
    span = (step * CLIP_S, (step + 1) * CLIP_S)
    return Clip("cam", 0, step, *span, np.zeros((2, 2, 2, 3), np.uint8), 2, False, step, float(step), bytes(16))


class Fleet:
    """Streams that each show a clip a second, in front of a model that answers for `capacity` clips a second.

    The model serves greedily, always in the same order or, with a seed, in a new one every second.
    """

    def __init__(self, streams: int, capacity: int, seed: int | None = None) -> None:
        self.random = None if seed is None else random.Random(seed)
        context = LaneContext(LaneLimits(queue_clips=4), Hooks(), ManualClock())
        self.queues = [LaneQueue(context) for _ in range(streams)]
        self.capacity = capacity
        self.answered = [0] * streams
        self.shedding = Shedding()
        self.now_s = 0

    def second(self, shed: bool = True) -> None:
        for queue in self.queues:
            queue.put(clip(self.now_s), "drop_oldest")
        left = self.capacity
        order = list(enumerate(self.queues))
        if self.random is not None:
            self.random.shuffle(order)
        for number, queue in order:
            while left and (taken := queue.take(0.0)):
                if isinstance(taken[0].item, Clip):
                    self.answered[number] += 1
                    left -= 1
        if shed:
            told = [queue.pressure() for queue in self.queues]
            let_in, overflowed = (sum(one[i] for one in told) for i in (0, 1))
            self.shedding = self.shedding.after(let_in, overflowed, self.now_s, 1.0)
            for queue in self.queues:
                queue.keep = self.shedding.keep
        self.now_s += 1

    def run(self, seconds: int, shed: bool = True) -> list[int]:
        before = list(self.answered)
        for _ in range(seconds):
            self.second(shed)
        return [after - earlier for after, earlier in zip(self.answered, before, strict=True)]


def test_without_shedding_a_greedy_model_starves_the_last_stream():
    assert Fleet(streams=10, capacity=6).run(100, shed=False)[-1] == 0


def test_with_shedding_every_stream_is_answered_for_alike():
    fleet = Fleet(streams=10, capacity=6)
    fleet.run(60)
    answered = fleet.run(200)
    assert min(answered) >= 0.8 * max(answered)
    assert sum(answered) >= 0.85 * 6 * 200


def test_what_is_not_too_much_is_not_shed():
    fleet = Fleet(streams=10, capacity=10)
    assert fleet.run(100) == [100] * 10
    assert fleet.shedding.keep == 1.0


@settings(max_examples=30, deadline=None)
@given(streams=st.integers(2, 30), share=st.floats(0.1, 0.9), seed=st.integers(0, 9))
def test_whatever_the_load_no_stream_starves_and_little_is_wasted(streams, share, seed):
    capacity = max(1, round(streams * share))
    fleet = Fleet(streams, capacity, seed)
    fleet.run(120)
    answered = fleet.run(600)
    assert min(answered) >= 0.5 * max(answered)
    assert sum(answered) >= 0.6 * capacity * 600


def test_when_the_load_is_gone_everything_is_answered_for_again():
    fleet = Fleet(streams=10, capacity=3)
    fleet.run(60)
    assert fleet.shedding.keep < 0.5
    fleet.capacity = 10
    fleet.run(60)
    assert fleet.shedding.keep == 1.0


@pytest.mark.parametrize(("keep", "expected"), [(1.0, 12), (0.5, 6), (0.25, 3), (0.0, 0)])
def test_a_queue_keeps_the_share_it_is_told_and_says_what_it_left_out(keep, expected):
    queue = LaneQueue(LaneContext(LaneLimits(queue_clips=100), Hooks(), ManualClock()))
    queue.keep = keep
    for step in range(12):
        queue.put(clip(step), "drop_oldest")
    queue.end()
    items = [queued.item for _ in range(24) for queued in queue.take(0.0)]
    assert sum(isinstance(item, Clip) for item in items) == expected
    spans = [(i.start_s, i.end_s) if isinstance(i, Clip) else (i.start, i.end) for i in items]
    assert spans[0][0] == 0.0
    assert spans[-1][1] == 12 * CLIP_S
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert queue.pressure() == (expected, 0)


def test_a_recording_is_never_shed():
    queue = LaneQueue(LaneContext(LaneLimits(queue_clips=100), Hooks(), ManualClock()))
    queue.keep = 0.1
    for step in range(12):
        queue.put(clip(step), "wait")
    assert len(queue) == 12
    assert not any(isinstance(queue.take(0.0)[0].item, Gap) for _ in range(12))
