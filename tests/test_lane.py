"""The lane under a scripted model and a store that remembers: what goes in, what is committed, what may die between."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from pipeline.clock import ManualClock
from pipeline.hooks import Hooks
from pipeline.lane import Lane
from pipeline.lane_queue import LaneContext, LaneLimits, LaneQueue
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.values import Checkpoint, Clip, Commit, Gap, GapReason

RULES = Rules.from_card(("walk",), {"default": {"on": 0.5, "off": 0.5, "merge_gap_s": 0.0}})
BEGINNING = Checkpoint(
    "cam", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "numerics", "model", "file"
)


def clip(step: int, value: int = 0, epoch: int = 0, start_s: float | None = None) -> Clip:
    """One second of video whose every pixel is `value`."""
    start_s = float(step) if start_s is None else start_s
    frames = np.full((2, 8, 8, 3), value, np.uint8)
    return Clip("cam", epoch, step, start_s, start_s + 1, frames, 2, False, step, float(step), bytes(16))


class SumModel:
    """Features are the clip's pixel value; the memory is the running sum; the score is its fraction of 100."""

    def __init__(self) -> None:
        self.requests: list[RememberRequest] = []
        self.fused = 0

    def encode(self, clips):
        return [done(np.array([frames.flat[0]], np.float32)) for frames in clips]

    def remember(self, request):
        self.requests.append(request)
        total = 0.0 if request.state is None else float(request.state[0])
        sums = total + np.cumsum(request.features[:, 0])
        return done(Remembered((sums[:, None] % 100 / 100).astype(np.float32), np.array([sums[-1]], np.float32)))

    def infer(self, frames, gap_s, state):
        self.fused += 1
        features = self.encode([frames])[0].result()
        return self.remember(RememberRequest(features[None], np.array([gap_s], np.float32), state))


class ListStore:
    """Keeps commits that follow each other without holes; dies before the commit number `die_before` is written."""

    def __init__(self, die_before: int | None = None, beginning: Checkpoint = BEGINNING) -> None:
        self.beginning = beginning
        self.commits: list[Commit] = []
        self.die_before = die_before

    def commit(self, commit: Commit) -> str:
        if self.die_before == len(self.commits):
            raise ConnectionAbortedError
        after = self.commits[-1].checkpoint if self.commits else self.beginning
        assert (commit.epoch, commit.first_step) in {(after.epoch, after.step + 1), (after.epoch + 1, 0)}
        self.commits.append(commit)
        return "ok"


def done(value):
    future: Future = Future()
    future.set_result(value)
    return future


def lane_over(items, model=None, store=None, checkpoint=BEGINNING, policy="wait", **limits):
    settings = LaneLimits(**{"queue_clips": 100, "commit_every_s": 0.0, **limits})
    queue = LaneQueue(LaneContext(settings, Hooks(), ManualClock()))
    for item in items:
        queue.put(item, policy)
    queue.end()
    model, store = model or SumModel(), store or ListStore(beginning=checkpoint)
    segmenter = Segmenter("cam", "model", RULES)
    return Lane(queue, model, segmenter, store, checkpoint), model, store


def run(items, **kwargs):
    lane, model, store = lane_over(items, **kwargs)
    while lane.step():
        pass
    lane.finish(finished=True)
    return model, store


def spans(commits):
    return [(s.start, s.end) for commit in commits for s in commit.closed]


def test_steps_are_committed_in_order_without_holes():
    _, store = run([clip(step) for step in range(20)], in_flight=3)
    covered = [step for commit in store.commits for step in range(commit.first_step, commit.last_step + 1)]
    assert covered == list(range(20))


def test_scores_become_segments_and_the_last_commit_is_finished():
    values = [0, 60, 0, 50, 0]  # running sums 0, 60, 60, 110→10, 10
    _, store = run([clip(step, value) for step, value in enumerate(values)])
    assert spans(store.commits) == [(1.0, 3.0)]
    assert [commit.checkpoint.finished for commit in store.commits][-2:] == [False, True]


@pytest.mark.parametrize("count", [1, 3])
def test_a_model_that_wants_motion_is_given_it_with_the_frames(count):
    seen = []

    class Watching(SumModel):
        def encode(self, clips):
            seen.extend(clips)
            return super().encode([clip.frames for clip in clips])

    motion = [np.full((2, 2, 16, 16), step, np.float16) for step in range(count)]
    run([replace(clip(step), motion=motion[step]) for step in range(count)], model=Watching())
    assert [one.motion is its for one, its in zip(seen, motion, strict=True)] == [True] * count


def test_a_clip_without_company_takes_one_fused_call():
    model, _ = run([clip(0)])
    assert model.fused == 1


@pytest.mark.parametrize("died_before", range(8))
def test_a_lane_made_again_from_the_last_commit_writes_what_an_undisturbed_one_writes(died_before):
    items = [clip(step, value) for step, value in enumerate([0, 60, 0, 50, 7, 80, 3])]
    _, whole = run(items, in_flight=1)
    first, _, store = lane_over(items, in_flight=1, store=ListStore(died_before))
    with pytest.raises(ConnectionAbortedError):
        while first.step():
            pass
        first.finish(finished=True)
    checkpoint = store.commits[-1].checkpoint if store.commits else BEGINNING
    _, rest = run(items[checkpoint.step + 1 :], checkpoint=checkpoint, in_flight=1)
    both = store.commits + rest.commits
    assert spans(both) == spans(whole.commits)
    assert both[-1].checkpoint.segmenter_state == whole.commits[-1].checkpoint.segmenter_state
    np.testing.assert_array_equal(both[-1].checkpoint.temporal_state, whole.commits[-1].checkpoint.temporal_state)


def test_a_gap_is_written_with_the_steps_after_it_and_its_length_is_an_input():
    gap = Gap("cam", 1.0, 5.0, GapReason.STALLED)
    model, store = run([clip(0), gap, clip(0, epoch=1, start_s=5.0), clip(1, epoch=1, start_s=6.0)])
    commit = next(commit for commit in store.commits if commit.gaps)
    assert (commit.epoch, commit.first_step, commit.gaps) == (1, 0, (gap,))
    assert [seconds for request in model.requests for seconds in request.gaps_s.tolist()] == [0.0, 4.0, 0.0]


def test_answers_that_come_quickly_share_a_commit_and_change_nothing():
    items = [clip(step, value) for step, value in enumerate([0, 60, 0, 50, 7, 80, 3])]
    _, each = run(items, in_flight=1)
    _, together = run(items, in_flight=1, commit_every_s=60.0)
    assert len(each.commits) == 8
    assert [(commit.first_step, commit.last_step) for commit in together.commits] == [(0, 0), (1, 6), (7, 6)]
    assert spans(together.commits) == spans(each.commits)
    assert together.commits[-1].checkpoint.segmenter_state == each.commits[-1].checkpoint.segmenter_state


def test_a_commit_holds_the_steps_of_one_epoch():
    items = [clip(0), clip(1), clip(0, epoch=1, start_s=2.0), clip(1, epoch=1, start_s=3.0)]
    _, store = run(items, commit_every_s=60.0, in_flight=1)
    assert [(c.epoch, c.first_step, c.last_step) for c in store.commits][:3] == [(0, 0, 0), (0, 1, 1), (1, 0, 1)]


def test_a_gap_grows_until_something_else_follows_it():
    settings = LaneLimits(in_flight=1, commit_every_s=0.0)
    queue, store = LaneQueue(LaneContext(settings, Hooks(), ManualClock())), ListStore()
    segmenter = Segmenter("cam", "model", RULES)
    lane = Lane(queue, SumModel(), segmenter, store, BEGINNING)
    lost = [Gap("cam", 1.0 + second, 2.0 + second, GapReason.CAMERA_DOWN) for second in range(3)]
    for item in [clip(0), *lost, clip(0, epoch=1, start_s=4.0)]:
        queue.put(item, "wait")
        lane.step()
    pending = [commit.checkpoint.pending_gap for commit in store.commits]
    assert [gap and (gap.start, gap.end) for gap in pending] == [None, (1.0, 2.0), (1.0, 3.0), (1.0, 4.0), None]
    assert [gap for commit in store.commits for gap in commit.gaps] == [Gap("cam", 1.0, 4.0, GapReason.CAMERA_DOWN)]


@pytest.mark.parametrize("commit_every_s", [0.0, 60.0])
def test_lost_time_is_counted_from_the_last_answer_however_the_commits_fell(commit_every_s):
    lost = [Gap("cam", 1.0, 3.0, GapReason.CORRUPT), Gap("cam", 3.0, 5.0, GapReason.STALLED)]
    first, rest = [clip(0), lost[0]], [lost[1], clip(0, epoch=1, start_s=5.0)]
    lane, _, store = lane_over(first, commit_every_s=commit_every_s)
    while lane.step():
        pass
    model, _ = run(rest, checkpoint=store.commits[-1].checkpoint, commit_every_s=commit_every_s)
    assert [seconds for request in model.requests for seconds in request.gaps_s.tolist()] == [4.0]


def test_a_gap_longer_than_forget_s_clears_the_memory():
    model, _ = run([clip(0, 40), clip(1, 40, start_s=5000.0)], forget_s=60.0, in_flight=2)
    assert model.requests[-1].state is None


def test_a_gap_at_the_end_is_committed_too():
    gap = Gap("cam", 1.0, 2.0, GapReason.CORRUPT)
    _, store = run([clip(0), gap])
    assert [gap for commit in store.commits for gap in commit.gaps] == [gap]
    assert store.commits[-1].checkpoint.until_s == 2.0


@pytest.mark.parametrize(
    ("policy", "answered", "lost"),
    [
        ("drop_oldest", [3, 4], [(0.0, 3.0)]),
        ("drop_latest", [0, 1], [(2.0, 5.0)]),
    ],
)
def test_a_full_queue_drops_by_policy_and_answers_and_gaps_tile_the_time(policy, answered, lost):
    _, store = run([clip(step) for step in range(5)], policy=policy, queue_clips=2)
    assert [score.step for commit in store.commits for score in commit.scores] == answered
    gaps = [gap for commit in store.commits for gap in commit.gaps]
    assert [(gap.start, gap.end, gap.reason) for gap in gaps] == [(*span, GapReason.DROPPED) for span in lost]
    scores = [score for commit in store.commits for score in commit.scores]
    tiles = sorted([(s.start_s, s.end_s) for s in scores] + [(g.start, g.end) for g in gaps])
    assert [end for _, end in tiles[:-1]] == [start for start, _ in tiles[1:]]


def test_epochs_whose_every_clip_was_dropped_are_numbered_in_the_store_too():
    _, store = run([clip(0), clip(0, epoch=3, start_s=9.0)])
    assert [(commit.epoch, commit.first_step, commit.last_step) for commit in store.commits] == [
        (0, 0, 0),
        (1, 0, -1),
        (2, 0, -1),
        (3, 0, 0),
        (3, 1, 0),
    ]


def test_answers_that_arrive_out_of_order_are_committed_in_order():
    class LastFirst(SumModel):
        """Answers its first clip only when it has been given the third."""

        first: Future = Future()

        def encode(self, clips):
            answers = super().encode(clips)
            for number, frames in enumerate(clips):
                if frames.flat[0] == 1:
                    answers[number] = self.first
                if frames.flat[0] == 3:
                    self.first.set_result(np.array([1], np.float32))
            return answers

    _, store = run([clip(0, 1), clip(1, 2), clip(2, 3)], model=LastFirst())
    assert [score.step for commit in store.commits for score in commit.scores] == [0, 1, 2]


def test_a_failing_model_worker_ends_the_lane_without_a_commit():
    class Broken(SumModel):
        def encode(self, clips):
            future: Future = Future()
            future.set_exception(RuntimeError("out of memory"))
            return [future for _ in clips]

    lane, _, store = lane_over([clip(0), clip(1)], model=Broken())
    with pytest.raises(RuntimeError, match="out of memory"):
        lane.step()
    assert store.commits == []


def test_a_checkpoint_is_the_state_after_its_last_step():
    _, store = run([clip(step, 10) for step in range(3)])
    last = replace(store.commits[-1].checkpoint, segmenter_state=b"")
    assert (last.epoch, last.step, last.until_s, last.temporal_state.tolist()) == (0, 2, 3.0, [30.0])
