"""Commits while the store is away, and when it came back older than it was."""

import threading

import pytest

from pipeline.clock import ManualClock
from pipeline.errors import Fenced, StoreBehind, StoreDown
from pipeline.outbox import Outbox, Patience
from tests.timeline import make


class FakeStore:
    """Holds the numbers of the commits it has; goes away and loses the newest as a script says."""

    def __init__(self, answers: list[str] | None = None) -> None:
        self.script = answers or []
        self.steps: list[int] = []

    def commit(self, lease, commit):
        fault = self.script.pop(0) if self.script else ""
        if fault == "down":
            raise StoreDown("away")
        if fault == "written, then down":
            self.steps.append(commit.last_step)
            raise StoreDown("away")
        if fault == "fenced":
            raise Fenced("another owner")
        if self.steps and self.steps[-1] == commit.last_step:
            return "repeated"
        if (self.steps[-1] if self.steps else -1) != commit.first_step - 1:
            raise StoreBehind("older")
        self.steps.append(commit.last_step)
        return "ok"

    def digest(self, commit):
        return commit.last_step

    def last_digest(self, lease):
        return self.steps[-1] if self.steps else None


def outbox(store: FakeStore, seconds: float = 60.0, kept_s: float = 10.0):
    clock, stop, told = ManualClock(), threading.Event(), []
    box = Outbox(store, make.LEASE, Patience(seconds, stop, told.append), kept_s, clock)
    return box, clock, stop, told


def test_a_store_that_is_away_is_waited_for_and_said_so() -> None:
    store = FakeStore(["down"] * 5)
    box, clock, _, told = outbox(store)
    assert box.commit(make.commit(0, 0)) == "ok"
    assert (store.steps, told) == ([0], [True, False])
    assert clock.now_s > 0.5


def test_a_commit_whose_answer_was_lost_is_not_written_twice() -> None:
    store = FakeStore(["written, then down"])
    box, *_ = outbox(store)
    assert box.commit(make.commit(0, 0)) == "repeated"
    assert store.steps == [0]


def test_patience_ends() -> None:
    box, clock, _, _ = outbox(FakeStore(["down"] * 1000), seconds=5.0)
    with pytest.raises(StoreDown):
        box.commit(make.commit(0, 0))
    assert 5.0 <= clock.now_s < 8.0


def test_a_stream_that_is_told_to_stop_waits_no_longer() -> None:
    box, clock, stop, _ = outbox(FakeStore(["down"] * 1000))
    stop.set()
    with pytest.raises(StoreDown):
        box.commit(make.commit(0, 0))
    assert clock.now_s == 0.0


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_store_that_came_back_older_gets_its_last_moments_again(lost: int) -> None:
    store = FakeStore()
    box, *_ = outbox(store)
    for step in range(5):
        box.commit(make.commit(0, step))
    del store.steps[-lost:]
    assert box.commit(make.commit(0, 5)) == "ok"
    assert store.steps == [0, 1, 2, 3, 4, 5]


def test_a_store_that_lost_more_than_is_remembered_is_behind() -> None:
    store = FakeStore()
    box, clock, _, _ = outbox(store, kept_s=2.0)
    for step in range(5):
        box.commit(make.commit(0, step))
        clock.advance(1.0)
    del store.steps[1:]
    with pytest.raises(StoreBehind):
        box.commit(make.commit(0, 5))


def test_another_owner_ends_it_at_once() -> None:
    box, clock, _, _ = outbox(FakeStore(["fenced"]))
    with pytest.raises(Fenced):
        box.commit(make.commit(0, 0))
    assert clock.now_s == 0.0
