"""Clients and the embedded server killed at any moment, starting and leaving included."""

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore
from tests.timeline import make
from tests.timeline.test_embedded import agree, is_running, kill_server

processes = multiprocessing.get_context("forkserver")


def write(home: Path) -> None:
    with TimelineStore.open(None, home) as store:
        lease = make.claim(store)
        for step in count():
            store.commit(lease, make.busy_commit(step))


def come_and_go(home: Path) -> None:
    while True:
        with TimelineStore.open(None, home) as store:
            store.streams()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_whoever_is_killed_when_the_next_start_finds_whole_commits_and_ends_the_server(tmp_path, seed):
    processes.set_forkserver_preload([__name__, "pipeline.timeline.store", "tests.timeline.make"])
    chance = random.Random(seed)
    for _ in range(10):
        others = [
            processes.Process(target=come_and_go, args=(tmp_path,), daemon=True) for _ in range(chance.randrange(3))
        ]
        clients = [processes.Process(target=write, args=(tmp_path,), daemon=True), *others]
        for one in clients:
            one.start()
        time.sleep(chance.uniform(0, 1))
        if chance.random() < 0.5:
            # Nobody has started it yet, or somebody is just starting or ending it.
            with suppress(FileNotFoundError, ProcessLookupError, ValueError):
                kill_server(tmp_path)
            time.sleep(chance.uniform(0, 0.2))
        for one in clients:
            os.kill(one.pid, signal.SIGKILL)
            one.join()
        with TimelineStore.open(None, tmp_path) as store:
            agree(store)
            store.remove(make.STREAM)
        assert not is_running(tmp_path)
