"""A real Redis goes away under a running stream, and comes back as it was or older: the timeline does not notice."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.clock import SystemClock
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.inline import InlinePool
from pipeline.lane_queue import LaneLimits
from pipeline.models.worker import ModelWorker
from pipeline.timeline import document
from pipeline.timeline.store import TimelineStore
from tests.models.micro import make_model_dir
from tests.timeline.servers import TcpServer

FILM = "synthetic://seed=4&duration=30"


class Counted(Hooks):
    """Lets a test wait for commits; each takes a moment, so that there is a middle to disturb."""

    def __init__(self) -> None:
        self.commits = 0
        self._changed = threading.Condition()
        self._pause = threading.Event()

    def committed(self, commit, result, seconds):
        self._pause.wait(0.05)
        with self._changed:
            self.commits += 1
            self._changed.notify_all()

    def wait(self, commits: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.commits >= commits, 30), self.commits


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> ModelWorker:
    return ModelWorker(make_model_dir(tmp_path_factory.mktemp("model")))


@pytest.fixture
def server(tmp_path) -> Iterator[TcpServer]:
    (tmp_path / "redis").mkdir()
    server = TcpServer(tmp_path / "redis", "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.kill()


def watch(worker: ModelWorker, store: TimelineStore, hooks: Hooks, loss_s: float = 10.0) -> Report:
    lane = LaneLimits(queue_clips=1, in_flight=1, together=1, commit_every_s=0.0)
    settings = FlowSettings(lane=lane, store_patience_s=30, store_loss_s=loss_s)
    pool = InlinePool(worker, 1, Hooks())
    serving = Serving(worker.card, pool, worker.numerics.digest())
    try:
        return StreamRun(Job("cam", FILM), serving, store, settings, hooks, SystemClock()).run()
    finally:
        pool.close()


@pytest.fixture(scope="module")
def undisturbed(worker, tmp_path_factory) -> str:
    with TimelineStore.open(None, tmp_path_factory.mktemp("undisturbed")) as store:
        assert watch(worker, store, Hooks()).state == "ended"
        return document.to_json(store.timeline("cam"))


def disturb_and_finish(worker, server: TcpServer, home: Path, disturb, loss_s: float = 10.0) -> str:
    counted = Counted()
    with TimelineStore.open(server.url, home) as store, ThreadPoolExecutor(1) as threads:
        running = threads.submit(watch, worker, store, counted, loss_s)
        disturb(counted)
        report = running.result(60)
        assert report.state == "ended", report.error
        return document.to_json(store.timeline("cam"))


def test_a_store_that_is_killed_and_started_again_is_waited_for(worker, server, undisturbed, tmp_path):
    def disturb(counted: Counted) -> None:
        for commits in (4, 9):
            counted.wait(commits)
            server.kill()
            threading.Event().wait(0.5)
            server.start()

    assert disturb_and_finish(worker, server, tmp_path, disturb) == undisturbed


@pytest.mark.parametrize("remembered_s", [10.0, 0.0])
def test_a_store_that_came_back_older_is_given_what_it_lost(worker, server, undisturbed, tmp_path, remembered_s):
    """From the lane's memory of its last commits, or by reading the recording again from where the store stands."""
    data, copy = tmp_path / "redis", tmp_path / "copy"

    def disturb(counted: Counted) -> None:
        counted.wait(5)
        shutil.copytree(data, copy)
        counted.wait(8)
        server.kill()
        shutil.rmtree(data)
        copy.rename(data)
        server.start()

    assert disturb_and_finish(worker, server, tmp_path, disturb, remembered_s) == undisturbed
