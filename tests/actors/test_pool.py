"""The pool: a request on a lost or silent worker is answered by another, once, and none is ever lost."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from actors.dispatch import Dispatch, Patience
from actors.pool import RayPool
from pipeline.errors import EngineError
from tests.actors.workers import FakeWorker, HandClock

PATIENCE = Patience(hedge_s=5.0, lost_s=1.0, answer_s=300.0)


def pool(*workers: FakeWorker, steady: bool = False) -> tuple[Dispatch, HandClock]:
    clock = HandClock()
    made = Dispatch(PATIENCE, steady, clock=clock)
    made.change(by_name(*workers))
    return made, clock


def by_name(*workers: FakeWorker) -> dict[str, FakeWorker]:
    return {worker.name: worker for worker in workers}


def pass_time(made: Dispatch, clock: HandClock, seconds: float) -> None:
    for _ in range(round(seconds / 0.25)):
        clock.now_s += 0.25
        made.tick()


def test_requests_go_to_whoever_has_the_fewest():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, _ = pool(a, b)
    for question in range(6):
        made.ask("double", question)
    assert len(a.asked) == len(b.asked) == 3


def test_what_was_on_a_worker_that_died_is_answered_by_the_other_at_once():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, _ = pool(a, b)
    answers = [made.ask("double", question) for question in range(6)]
    a.die()
    made.tick()
    b.work()
    assert [answer.result(0) for answer in answers] == [0, 2, 4, 6, 8, 10]
    more = [made.ask("double", question) for question in range(3)]
    b.work()
    assert [answer.result(0) for answer in more] == [0, 2, 4], "the dead one is not asked again at once"


def test_a_lone_worker_that_died_is_waited_for():
    a = FakeWorker("a")
    made, clock = pool(a)
    under_way = made.ask("double", 1)
    a.die()
    meanwhile = made.ask("double", 2)
    pass_time(made, clock, 60)
    assert not under_way.done() and not meanwhile.done()
    a.live()
    a.work()
    assert (under_way.result(0), meanwhile.result(0)) == (2, 4) and a.answers == 2


def test_the_last_of_a_pool_is_waited_for_although_its_request_was_sent_in_company():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, clock = pool(a, b)
    answers = [made.ask("double", 1), made.ask("double", 2)]
    a.die()
    b.die()
    pass_time(made, clock, 10)
    assert not any(answer.done() for answer in answers)
    b.live()
    b.work()
    pass_time(made, clock, 1)
    b.work()
    assert [answer.result(0) for answer in answers] == [2, 4]


def test_what_a_silent_worker_has_is_answered_by_the_other_and_its_own_answer_is_dropped():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, clock = pool(a, b)
    a.silent = True
    answers = [made.ask("double", 1), made.ask("double", 2)]
    b.work()
    pass_time(made, clock, 4.75)
    assert not all(answer.done() for answer in answers) and not b.asked
    pass_time(made, clock, 0.5)
    b.work()
    assert [answer.result(0) for answer in answers] == [2, 4]
    a.live()
    a.work()
    assert a.answers == 1 and made.idle(), "too late, and nothing breaks"


def test_a_slow_worker_that_answers_others_is_given_time():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, clock = pool(a, b)
    for question in range(20):
        made.ask("double", question)
    for _ in range(8):
        pass_time(made, clock, 2)
        a.work(1)
        b.work(1)
    assert len(a.asked) + len(b.asked) == 20 - 16, "asking twice would only make a queue longer"
    pass_time(made, clock, 5)
    assert len(a.asked) + len(b.asked) > 4, "but not for ever"


def test_who_joins_takes_over_what_a_silent_lone_worker_has():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, clock = pool(a)
    a.silent = True
    answer = made.ask("double", 4)
    pass_time(made, clock, 10)
    made.change(by_name(a, b))
    made.tick()
    b.work()
    assert answer.result(0) == 8


def test_who_leaves_finishes_what_it_has_and_is_asked_no_more():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, _ = pool(a, b)
    answers = [made.ask("double", 1), made.ask("double", 2)]
    made.change(by_name(b))
    answers += [made.ask("double", 3)]
    assert len(a.asked) == 1 and len(b.asked) == 2
    a.work()
    b.work()
    assert [answer.result(0) for answer in answers] == [2, 4, 6]


def test_an_empty_pool_keeps_requests_until_somebody_comes():
    made, clock = pool()
    answer = made.ask("double", 3)
    pass_time(made, clock, 100)
    a = FakeWorker("a")
    made.change(by_name(a))
    made.tick()
    a.work()
    assert answer.result(0) == 6


def test_a_pool_that_stays_empty_says_so_in_the_end():
    made, clock = pool()
    answer = made.ask("double", 3)
    pass_time(made, clock, 301)
    with pytest.raises(EngineError, match="no model worker was there for 300 s"):
        answer.result(0)


def test_a_worker_that_is_gone_for_good_is_waited_for_where_others_may_come():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, clock = pool(a)
    answer = made.ask("double", 3)
    a.vanish()
    pass_time(made, clock, 20)
    assert not answer.done()
    made.change(by_name(b))
    made.tick()
    b.work()
    assert answer.result(0) == 6


def test_where_no_others_may_come_it_is_an_error():
    a = FakeWorker("a")
    made, _ = pool(a, steady=True)
    answer = made.ask("double", 3)
    a.vanish()
    with pytest.raises(EngineError, match="a model worker failed"):
        answer.result(0)


def test_what_the_model_itself_refuses_is_not_asked_of_others():
    a, b = FakeWorker("a"), FakeWorker("b")
    made, _ = pool(a, b)
    answer = made.ask("double", 1)
    ((_, call, _),) = a.asked + b.asked
    call.set_exception(ValueError("want clips of 16"))
    with pytest.raises(EngineError, match="a model worker failed: want clips of 16"):
        answer.result(0)


def test_a_closed_pool_fails_what_is_open():
    a = FakeWorker("a")
    made, _ = pool(a)
    answer = made.ask("double", 1)
    made.close("another profile")
    with pytest.raises(EngineError, match="another profile"):
        answer.result(0)


EVENTS = ("ask", "ask", "ask", "work", "work", "die", "live", "silence", "vanish", "join", "leave", "wait", "wait")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_whatever_happens_every_request_is_answered_once_and_rightly(seed, length):
    chance, workers = random.Random(seed), [FakeWorker("w0"), FakeWorker("w1")]
    made, clock = pool(*workers)
    members, answers, told = list(workers), [], []
    for number in range(length):
        event, one = chance.choice(EVENTS), chance.choice(workers)
        if event == "ask":
            answers.append(counted(made.ask("double", number), told, 2 * number))
        elif event == "join" and len(members) < 4:
            workers.append(FakeWorker(f"w{len(workers)}"))
            members.append(workers[-1])
        elif event == "leave" and len(members) > 1:
            members.remove(chance.choice(members))
        elif event == "wait":
            pass_time(made, clock, chance.uniform(0.25, 8))
        else:
            act(one, event, chance)
        made.change(by_name(*members))
    rescue = FakeWorker("rescue")
    made.change(by_name(*members, rescue))
    for _ in range(40):
        pass_time(made, clock, 5)
        for worker in (*workers, rescue):
            worker.work()
    assert all(answer.done() for answer in answers) and made.idle()
    assert told == [True] * len(answers), "each was answered once, with its own answer"


def act(worker: FakeWorker, event: str, chance: random.Random) -> None:
    deeds: dict[str, Callable[[], Any]] = {
        "work": lambda: worker.work(chance.randint(1, 5)),
        "die": worker.die,
        "live": worker.live,
        "silence": lambda: setattr(worker, "silent", True),
        "vanish": worker.vanish,
    }
    deeds.get(event, lambda: None)()


def counted(answer: "Future[Any]", told: list[bool], wanted: int) -> "Future[Any]":
    answer.add_done_callback(lambda done: told.append(done.result() == wanted))
    return answer


class Encoder(FakeWorker):
    """Answers a strip with the mean of each clip."""

    def work(self, most: int = 1000) -> None:
        ready, self.asked = self.asked, []
        for strip, answer, _ in ready:
            answer.set_result(np.array([[clip.mean()] for clip in strip.clips()], np.float32))


def test_the_pool_sends_again_by_itself_and_every_clip_gets_its_own_features():
    a, b = Encoder("a"), Encoder("b")
    made = RayPool(by_name(a, b), hedge_s=60)
    clips = [np.full((4, 2, 2, 3), number, np.uint8) for number in range(3)]
    answers = made.encode(clips)
    first, other = (a, b) if a.asked else (b, a)
    first.die()

    def unanswered() -> bool:
        other.work()
        return not all(answer.done() for answer in answers)

    Retrying(retry=retry_if_result(bool), stop=stop_after_delay(10), wait=wait_fixed(0.02))(unanswered)
    assert [float(answer.result(0)[0]) for answer in answers] == [0.0, 1.0, 2.0]
    made.close("done")
