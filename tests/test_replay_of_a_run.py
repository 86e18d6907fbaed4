"""A stream that loses clips, is interrupted and goes on has the timeline that its log gives again, byte for byte."""

import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import SystemClock
from pipeline.errors import UsageError
from pipeline.flow import FlowSettings, Job, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.inline import InlinePool
from pipeline.lane_queue import LaneLimits
from pipeline.models.worker import ModelWorker
from pipeline.replay.log import LogSettings
from pipeline.replay.player import replay
from pipeline.timeline import document
from pipeline.timeline.store import TimelineStore
from tests.models.micro import make_model_dir, micro_card
from tests.models.test_two_stream import card

FILM = "synthetic://seed=3&duration=24&fps=10"


class SlowPool(InlinePool):
    """Answers only so fast that clips are dropped, and ends after so many requests."""

    def __init__(self, worker: ModelWorker, die_after: int) -> None:
        super().__init__(worker, 1, Hooks())
        self._left = die_after
        self._pause = threading.Event()

    def _slow(self) -> None:
        self._pause.wait(0.03)
        self._left -= 1
        if self._left < 0:
            raise UsageError("the scripted end")

    def encode(self, clips):
        self._slow()
        return super().encode(clips)

    def infer(self, clip, gap_s, state):
        self._slow()
        return super().infer(clip, gap_s, state)


@pytest.fixture(scope="module", params=[micro_card, pytest.param(card, marks=pytest.mark.slow)])
def worker(request, tmp_path_factory) -> ModelWorker:
    return ModelWorker(make_model_dir(tmp_path_factory.mktemp("model"), card=request.param()))


def watch(store: TimelineStore, worker: ModelWorker, folder: Path, die_after: int) -> str:
    settings = FlowSettings(
        lane=LaneLimits(queue_clips=2, in_flight=2, together=1, policy="drop_oldest", commit_every_s=0.0),
        log=LogSettings(folder=folder),
    )
    pool = SlowPool(worker, die_after)
    serving = Serving(worker.card, pool, worker.numerics.digest())
    report = StreamRun(Job("cam", FILM), serving, store, settings, Hooks(), SystemClock()).run()
    pool.close()
    return report.state


def test_a_log_gives_the_timeline_again_byte_for_byte(worker, tmp_path):
    with TimelineStore.open(None, tmp_path / "live") as store:
        states = [watch(store, worker, tmp_path / "log", die_after) for die_after in (3, 1, 4, 100_000)]
        original = document.to_json(store.timeline("cam"))
        scores = [one.probs for one in store.scores("cam")]
    assert states == ["failed", "failed", "failed", "ended"]
    pool = InlinePool(worker, 1, Hooks())
    with TimelineStore.open(None, tmp_path / "again") as store:
        serving = Serving(worker.card, pool, worker.numerics.digest())
        replayed = replay(tmp_path / "log" / "cam", lambda _: serving, store)
        again = document.to_json(store.timeline("cam"))
        np.testing.assert_array_equal([one.probs for one in store.scores("cam")], scores)
    pool.close()
    assert (replayed.sessions, replayed.differences) == (4, ())
    assert '"dropped"' in original
    assert again == original
