"""Delivering to one target: what it answers in, what was sent and waited out."""

import threading

import pytest

from pipeline.alerts.delivery import Delivery
from pipeline.alerts.errors import TargetAway, TargetRefused
from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.letters import Letter
from pipeline.alerts.outbox import AlertOutbox, Counts
from pipeline.clock import ManualClock
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import letter, settings

AWAY, NO, YES = TargetAway("it answered 503"), TargetRefused("it answered 422"), None


class Scripted:
    """A target that answers what it is told to, then yes."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []
        self.closed = False

    def send(self, letter: Letter) -> None:
        self.sent.append(letter.id)
        answer = self.answers.pop(0) if self.answers else YES
        if answer is not None:
            raise answer

    def close(self) -> None:
        self.closed = True


class Waits(ManualClock):
    """A clock that remembers how long it was waited, and ends it all when there is nothing more to wait for."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop = stop
        self.waited: list[float] = []

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if event is self._stop:
            self.waited.append(timeout_s)
            self.advance(timeout_s)
        else:
            self._stop.set()  # nothing is left to deliver
        return self._stop.is_set()


@pytest.fixture
def outbox(store: TimelineStore) -> AlertOutbox:
    made = AlertOutbox(store, waiting=200, dead=200)
    assert made.lead("me", 60)
    return made


def run(outbox: AlertOutbox, target: Scripted, **more: float) -> list[float]:
    """Deliver until nothing waits; return the pauses."""
    stop = threading.Event()
    clock = Waits(stop)
    clock.now_s = max([entry.since_s for entry in outbox.waiting("desk", 200)], default=0.0)
    Delivery("desk", target, outbox, settings(**more), AlertHooks(), clock).run(stop, lambda: True)
    assert target.closed
    return clock.waited


def put(outbox: AlertOutbox, count: int) -> list[str]:
    outbox.put("me", {}, [("desk", letter(number)) for number in range(count)])
    return [letter(number).id for number in range(count)]


def test_what_waits_is_delivered_in_its_order(outbox):
    ids, target = put(outbox, 150), Scripted()
    assert run(outbox, target) == [] and target.sent == ids
    assert outbox.counts("desk") == Counts(delivered=150)


def test_one_that_fails_is_sent_again_before_the_next_after_growing_pauses(outbox):
    put(outbox, 2)
    target = Scripted(*[AWAY] * 9)
    waited = run(outbox, target, retry_s=1.0, retry_cap_s=60.0)
    assert target.sent == ["id0"] * 10 + ["id1"]
    longest = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(most / 2 <= one <= most for one, most in zip(waited, longest, strict=True))
    assert len({one / most for one, most in zip(waited, longest, strict=True)}) > 1, "they are shortened by chance"


def test_pauses_begin_small_again_after_a_success(outbox):
    put(outbox, 2)
    waited = run(outbox, Scripted(AWAY, AWAY, AWAY, YES, AWAY))
    assert len(waited) == 4 and waited[3] <= 1.0 < waited[2]


def test_one_that_is_refused_is_dead_at_once_and_holds_nobody_up(outbox):
    put(outbox, 3)
    target = Scripted(YES, NO)
    assert run(outbox, target) == [] and target.sent == ["id0", "id1", "id2"]
    assert [(one.letter.id, one.reason) for one in outbox.dead("desk", 9)] == [("id1", "it answered 422")]
    assert outbox.counts("desk") == Counts(dead=1, delivered=2, died=1)


def test_what_is_too_old_is_tried_once_more_and_given_up(outbox):
    put(outbox, 3)
    target = Scripted(*[AWAY] * 20)
    waited = run(outbox, target, give_up_s=100.0, retry_cap_s=60.0)
    assert set(target.sent) == {"id0"} and 100 < sum(waited[:-1]) < 160
    assert [one.letter.id for one in outbox.dead("desk", 9)] == ["id2", "id1", "id0"]
    assert {one.reason for one in outbox.dead("desk", 9)} == {"it answered 503"}


def test_the_dead_are_sent_again_under_the_same_id_when_told_to(outbox):
    put(outbox, 1)
    run(outbox, Scripted(NO))
    assert outbox.revive("desk") == 1
    again = Scripted()
    run(outbox, again)
    assert again.sent == ["id0"] and outbox.counts("desk") == Counts(delivered=1, died=1)


def test_who_must_not_deliver_any_more_stops_at_once(outbox):
    put(outbox, 3)
    target, leads = Scripted(), iter([True, True, False])
    delivery = Delivery("desk", target, outbox, settings(), AlertHooks(), ManualClock())
    assert delivery.step(lambda: next(leads))
    assert target.sent == ["id0"] and outbox.counts("desk").waiting == 2
