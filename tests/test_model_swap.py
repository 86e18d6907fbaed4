"""A model is swapped while its streams run: each changes at a step border, and its log gives its timeline again."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SystemClock
from pipeline.errors import UsageError
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.inline import InlinePool
from pipeline.lane_queue import LaneLimits
from pipeline.models.card import LabelSet
from pipeline.models.worker import ModelWorker
from pipeline.replay.log import LogSettings
from pipeline.replay.player import replay
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter, ended_now
from pipeline.timeline import document
from pipeline.timeline.store import TimelineStore
from pipeline.values import Scores
from tests.models.micro import MICRO_CLIP, make_model_dir, micro_card

FILM = "synthetic://seed=3&duration=24"
SEGMENTER = {"default": {"on": 0.5, "off": 0.49, "min_length_s": 0.0, "merge_gap_s": 0.5}}
OTHER_LABELS = (LabelSet("action", "independent", ("jump", "walk")),)


class Telling(InlinePool):
    """Calls `then` before the request number `after`, which is where a swap, or the end of a process, is scripted."""

    def __init__(self, worker: ModelWorker) -> None:
        super().__init__(worker, 1, Hooks())
        self.after, self.then = 1_000_000, lambda: None
        self.requests = 0

    def remember(self, request):
        self._tell()
        return super().remember(request)

    def infer(self, clip, gap_s, state):
        self._tell()
        return super().infer(clip, gap_s, state)

    def _tell(self) -> None:
        self.requests += 1
        if self.requests == self.after:
            self.then()


def served(directory: Path, seed: int, **card) -> Serving:
    worker = ModelWorker(make_model_dir(directory, seed, replace(micro_card(**card), segmenter=SEGMENTER)))
    return Serving(worker.card, Telling(worker), worker.numerics.digest())


@pytest.fixture
def old(tmp_path) -> Serving:
    return served(tmp_path / "old", seed=0)


@pytest.fixture
def new(tmp_path) -> Serving:
    return served(tmp_path / "new", seed=1, label_sets=OTHER_LABELS)


@pytest.fixture
def store(tmp_path):
    with TimelineStore.open(None, tmp_path / "live") as opened:
        yield opened


def stream_run(serving: Serving, store: TimelineStore, folder: Path, live: bool = True) -> StreamRun:
    lane = LaneLimits(in_flight=1, together=1, commit_every_s=0.0)
    settings = FlowSettings(lane=lane, log=LogSettings(folder=folder / "log"))
    return StreamRun(Job("cam", FILM, live=live), serving, store, settings, Hooks(), SystemClock())


def ends(serving: Serving, store: TimelineStore, folder: Path, after: int) -> Report:
    """Run until the scripted end of the process."""

    def end() -> None:
        raise UsageError("the scripted end")

    serving.pool.after, serving.pool.then = serving.pool.requests + after, end
    report = stream_run(serving, store, folder).run()
    serving.pool.after = 1_000_000
    return report


def replayed(folder: Path, *servings: Serving) -> str:
    """The timeline that the stream's log gives, which must fit together to the bit."""
    known = {serving.card.fingerprint: serving for serving in servings}
    with TimelineStore.open(None, folder / "again") as again:
        assert replay(folder / "log" / "cam", known.__getitem__, again).differences == ()
        return document.to_json(again.timeline("cam"))


def models_of(timeline) -> list[str]:
    return list(dict.fromkeys(segment.model for segment in timeline.segments))


def test_a_running_stream_changes_its_model_at_a_step_border(old, new, store, tmp_path):
    run = stream_run(old, store, tmp_path)
    swapped: list[bool] = []
    old.pool.after, old.pool.then = 9, lambda: swapped.append(run.swap(new))
    assert (run.run().state, swapped) == ("ended", [True])
    timeline = store.timeline("cam")
    assert models_of(timeline) == [old.card.fingerprint, new.card.fingerprint]
    assert timeline.model == new.card.fingerprint
    assert not timeline.gaps
    answers = store.scores("cam")
    assert all(before.end_s == after.start_s for before, after in pairwise(answers))
    widths = [len(one.probs) for one in answers]
    border = next(one.start_s for one in answers if len(one.probs) == 2)
    assert widths == sorted(widths, reverse=True)
    for segment in timeline.segments:
        assert segment.end <= border if segment.model == old.card.fingerprint else segment.start >= border
    assert document.to_json(timeline) == replayed(tmp_path, old, new)


def test_a_timeline_names_the_model_of_every_segment(old, new, store, tmp_path):
    run = stream_run(old, store, tmp_path)
    old.pool.after, old.pool.then = 9, lambda: run.swap(new)
    run.run()
    timeline = store.timeline("cam")
    again = document.from_json(document.to_json(timeline))
    assert [one.model for one in again.segments] == [one.model for one in timeline.segments]


def test_a_stream_goes_on_under_the_model_it_is_started_with(old, new, store, tmp_path):
    assert ends(old, store, tmp_path, after=9).state == "failed"
    still_open = [segment.label for segment in store.timeline("cam").segments if segment.end is None]
    assert still_open
    assert ends(new, store, tmp_path, after=5).state == "failed"
    assert stream_run(old, store, tmp_path).run().state == "ended"
    timeline = store.timeline("cam")
    assert {old.card.fingerprint, new.card.fingerprint} == set(models_of(timeline))
    assert all(segment.end is not None for segment in timeline.segments)
    assert document.to_json(timeline) == replayed(tmp_path, old, new)


def test_outside_of_serving_a_timeline_is_of_one_model(old, new, store, tmp_path):
    ends(old, store, tmp_path, after=3)
    report = stream_run(new, store, tmp_path, live=False).run()
    assert (report.state, report.exit_code) == ("failed", 2)
    assert old.card.fingerprint in report.error


def test_a_model_that_wants_other_clips_takes_another_run(old, store, tmp_path):
    other = served(tmp_path / "other", seed=2, clip=replace(MICRO_CLIP, height=24))
    run = stream_run(old, store, tmp_path)
    asked: list[bool] = [run.swap(old)]  # nothing runs yet
    old.pool.after, old.pool.then = 3, lambda: asked.append(run.swap(other))
    assert run.run().state == "ended"
    assert asked == [False, False]
    assert models_of(store.timeline("cam")) == [old.card.fingerprint]


@given(
    probs=st.lists(st.lists(st.sampled_from([0.0, 0.4, 0.6, 0.61, 1.0]), min_size=3, max_size=3), max_size=12),
    merge_gap_s=st.sampled_from([0.0, 2.0]),
)
def test_segments_end_alike_with_and_without_knowing_the_labels(probs, merge_gap_s):
    rules = Rules.from_card(("a", "b", "c"), {"default": {"on": 0.5, "off": 0.5, "merge_gap_s": merge_gap_s}})
    segmenter = Segmenter("cam", "model", rules)
    state = segmenter.initial_state()
    for step, row in enumerate(probs):
        _, state = segmenter.step(Scores("cam", 0, step, step, step + 1, np.array(row, np.float32)), state)
    finished, _ = segmenter.finish(state)
    assert ended_now("cam", "model", segmenter.pack(state)) == finished.closed
