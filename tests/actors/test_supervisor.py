"""The supervisor over a real board, with real hosts in this process: what is wished for is run, exactly once."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from actors.supervisor import Since, Supervisor
from pipeline.control.board import Board
from pipeline.control.plan import Assign
from pipeline.control.records import HostInfo
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from pipeline.errors import StoreError
from pipeline.timeline.store import TimelineStore
from tests.actors.doubles import LocalCluster

QUICK = ServeSettings(
    streams_per_host=2, period_s=0.02, lease_s=1.0, assign_s=1.0, retry_s=0.05, retry_cap_s=0.2, start_s=2.0
)


@pytest.fixture
def store(tmp_path) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path) as opened:
        yield opened


@pytest.fixture
def board(store) -> Board:
    return Board(store)


@pytest.fixture
def cluster(store) -> Iterator[LocalCluster]:
    made = LocalCluster(store, QUICK)
    yield made
    made.close()


def supervisor(store, cluster) -> Supervisor:
    return Supervisor(Board(store), cluster, QUICK, random.Random(0))


def steps(supervisor: Supervisor, until: Callable[[], bool], seconds: float = 20.0) -> None:
    """Step as the actor would until something holds."""

    def step() -> bool:
        supervisor.step()
        return not until()

    Retrying(retry=retry_if_result(bool), stop=stop_after_delay(seconds), wait=wait_fixed(QUICK.period_s))(step)


def host_of(board: Board, stream: str) -> str:
    """Who holds the stream; empty while nobody does."""
    held = board.held().get(stream)
    return held.host if held else ""


def running(board: Board, *streams: str) -> Callable[[], bool]:
    return lambda: sorted(board.held()) == sorted(streams)


def wish(board: Board, *streams: str, uri: str = "film.mp4", **fields) -> None:
    for stream in streams:
        board.put(Wish(stream, uri, **fields))


def test_what_is_wished_for_is_held_by_hosts_with_room(store, board, cluster):
    wish(board, "a", "b", "c")
    steps(supervisor(store, cluster), running(board, "a", "b", "c"))
    assert sorted(Counter(held.host for held in board.held().values()).values()) == [1, 2]


def test_what_is_not_wished_for_any_more_is_stopped_and_idle_hosts_end(store, board, cluster):
    wish(board, "a", "b", "c")
    one = supervisor(store, cluster)
    steps(one, running(board, "a", "b", "c"))
    for stream in ("a", "b", "c"):
        board.remove(stream)
    steps(one, lambda: not cluster.alive)
    assert not board.hosts()


def test_a_paused_stream_is_stopped_and_a_resumed_one_runs_again(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    board.change("a", paused=True)
    steps(one, running(board))
    board.change("a", paused=False)
    steps(one, running(board, "a"))
    assert cluster.log == [("claim", "a")] * 2


def test_a_restart_replaces_the_run(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    generation = board.change("a").generation
    steps(one, lambda: (held := board.held().get("a")) is not None and held.generation == generation)
    assert cluster.log == [("claim", "a")] * 2


def held_by_generation(board: Board, stream: str, generation: int) -> Callable[[], bool]:
    return lambda: (held := board.held().get(stream)) is not None and held.generation == generation


def test_another_model_takes_over_without_another_run(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    steps(one, held_by_generation(board, "a", board.change("a", model="new").generation))
    assert cluster.log == [("claim", "a"), ("swap", "a")]


@pytest.mark.parametrize("change", [{"model": "other-clips"}, {"model": "new", "fps": 2.0}])
def test_a_change_that_a_run_cannot_take_replaces_it(store, board, cluster, change):
    cluster.models |= {"other-clips", "new"}
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    steps(one, held_by_generation(board, "a", board.change("a", **change).generation))
    assert cluster.log.count(("claim", "a")) == 2


def test_a_model_that_does_not_exist_ends_the_run_and_says_why(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    board.change("a", model="none")
    steps(one, lambda: "a" in board.view().outcomes)
    outcome = board.view().outcomes["a"]
    assert (outcome.state, outcome.final) == ("failed", True)
    assert "unknown model 'none'" in outcome.error


def test_while_there_is_too_much_to_do_every_stream_is_told_the_same_share(store, board, cluster):
    wish(board, "a", "b", "c")
    one = supervisor(store, cluster)
    steps(one, running(board, "a", "b", "c"))
    assert {run.kept for run in cluster.work.runs.values()} == {1.0}
    cluster.work.runs["a"].overflowed = 90
    steps(one, lambda: board.share() < 1.0)
    share = board.share()
    assert share == pytest.approx(0.7, abs=0.16)  # 90 of 300, or of the 200 or 100 that one host saw
    steps(one, lambda: {run.kept for run in cluster.work.runs.values()} == {board.share()})


def test_a_recording_that_ended_is_not_started_again(store, board, cluster):
    wish(board, "a", uri="end")
    wish(board, "b")
    one = supervisor(store, cluster)
    steps(one, lambda: "a" in board.view().outcomes and "b" in board.held())
    for _ in range(20):
        assert not any(isinstance(action, Assign) for action in one.step())
    assert board.view().outcomes["a"].state == "ended"
    assert cluster.log.count(("claim", "a")) == 1


@pytest.mark.parametrize("fate", ["fail", "bug"])
def test_a_failing_stream_is_tried_again_and_counted(fate, store, board, cluster):
    wish(board, "a", uri=fate)
    steps(supervisor(store, cluster), lambda: cluster.log.count(("claim", "a")) >= 3)
    outcome = board.view().outcomes["a"]
    assert outcome.count >= 2 and outcome.error in ("no picture", "ZeroDivisionError: nobody expected this")


def test_a_failure_only_another_wish_can_mend_waits_for_one(store, board, cluster):
    wish(board, "a", uri="refuse")
    one = supervisor(store, cluster)
    steps(one, lambda: "a" in board.view().outcomes)
    assert board.view().outcomes["a"].final
    for _ in range(20):
        one.step()
    assert cluster.log == [("claim", "a")]
    board.change("a", uri="film.mp4")
    steps(one, running(board, "a"))


def test_a_stream_whose_model_cannot_be_served_has_failed_for_good(store, board, cluster):
    wish(board, "a", model="nobody's")
    steps(supervisor(store, cluster), lambda: "a" in board.view().outcomes)
    outcome = board.view().outcomes["a"]
    assert outcome.final and "unknown model" in outcome.error and not cluster.log


def test_the_streams_of_a_host_that_died_are_run_by_another(store, board, cluster):
    wish(board, "a", "b", "c")
    one = supervisor(store, cluster)
    steps(one, running(board, "a", "b", "c"))
    victim = host_of(board, "a")
    cluster.stop_host(victim)
    steps(one, lambda: victim not in board.hosts() and len(board.held()) == 3)
    assert victim not in {held.host for held in board.held().values()}
    assert board.view().outcomes["a"].error == f"host {victim} is gone"


def test_a_host_that_wakes_after_its_lease_gives_its_streams_up(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    (sleeper,) = cluster.alive
    cluster.alive[sleeper].stunned.set()
    steps(one, lambda: host_of(board, "a") not in ("", sleeper))
    cluster.alive[sleeper].stunned.clear()
    steps(one, lambda: sleeper not in cluster.alive or not cluster.alive[sleeper].host.streams())
    assert list(board.held()) == ["a"] and host_of(board, "a") != sleeper
    assert board.view().outcomes["a"].error == f"host {sleeper} is gone", "what it says of its run is not heard"


def test_a_host_that_stays_silent_is_ended(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    (sleeper,) = cluster.alive
    cluster.alive[sleeper].stunned.set()
    steps(one, lambda: sleeper not in cluster.alive)


def test_a_host_that_never_came_is_forgotten(store, board, cluster):
    board.beat(HostInfo("host-unborn", "n", ready=False), 60)
    wish(board, "a")
    steps(supervisor(store, cluster), running(board, "a"))


def test_a_new_supervisor_goes_on_where_the_last_one_died(store, board, cluster):
    wish(board, "a", "b")
    first = supervisor(store, cluster)
    steps(first, running(board, "a", "b"))
    claims = list(cluster.log)
    wish(board, "c")
    second = supervisor(store, cluster)
    assert second.step() == [], "the first one leads until its time is over"
    steps(second, running(board, "a", "b", "c"))
    assert [claim for claim in cluster.log if claim[1] != "c"] == claims, "nobody was disturbed"


def test_a_supervisor_that_resigns_leaves_the_lead_and_no_expected_hosts(store, board, cluster):
    one, other = supervisor(store, cluster), supervisor(store, cluster)
    one.step()
    board.beat(HostInfo("host-unborn", "n", ready=False), 60)
    other.resign()
    assert board.hosts() and board.leader(), "only the leader has a say"
    one.resign()
    assert not board.hosts() and not board.leader()


@pytest.mark.parametrize("both_lead", [False, True])
def test_two_supervisors_at_once_double_nothing(both_lead, store, board, cluster, monkeypatch):
    if both_lead:  # the worst case: each of them takes itself for the leader
        monkeypatch.setattr(Board, "lead", lambda *_: True)
    names = [f"s{number}" for number in range(8)]
    wish(board, *names)
    stop = threading.Event()

    def loop(one: Supervisor) -> None:
        while not stop.wait(QUICK.period_s):
            one.step()

    threads = [threading.Thread(target=loop, args=(supervisor(store, cluster),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        patience = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(20), wait=wait_fixed(0.05))
        patience(lambda: not running(board, *names)())
        patience(lambda: any(load > QUICK.streams_per_host for load in loads(cluster)))
        patience(lambda: sum(loads(cluster)) != len(names))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    on_hosts = Counter(stream for host in cluster.alive.values() for stream in host.host.streams())
    assert on_hosts == dict.fromkeys(names, 1)


def loads(cluster: LocalCluster) -> list[int]:
    return [len(host.host.streams()) for host in list(cluster.alive.values())]


def test_after_a_time_without_the_store_leases_get_the_time_to_come_back(store, board, cluster):
    wish(board, "a")
    one = supervisor(store, cluster)
    steps(one, running(board, "a"))
    store.client.unlink("lt:{a}:hold", *[f"lt:host:{name}" for name in cluster.alive])
    one.settle()
    assert one.step() == []
    steps(one, running(board, "a"))
    assert cluster.log == [("claim", "a")]


def test_a_host_without_a_store_goes_on_and_tells_later(store, board, cluster, monkeypatch):
    wish(board, "a", uri="fail")
    cluster.start_host("host-x", "n")
    host = cluster.alive["host-x"]
    host.halt()  # this test beats by hand
    board.assign("a", "host-x", board.wish("a").generation)

    def away(*_) -> bool:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(Board, "note", away)
        host.host.assign(board.wish("a"))
        with pytest.raises(StoreError):
            Retrying(stop=stop_after_delay(5), retry=retry_if_result(lambda _: True))(host.host.beat)
        assert "a" in host.host.streams()
    host.host.beat()
    assert "a" not in host.host.streams() and board.view().outcomes["a"].error == "no picture"


def test_a_host_that_closes_stops_its_streams_and_leaves(store, board, cluster):
    wish(board, "a", "b")
    one = supervisor(store, cluster)
    steps(one, running(board, "a", "b"))
    (host,) = cluster.alive.values()
    host.halt()
    assert host.host.close(5)
    assert not board.hosts() and not board.held() and not board.view().outcomes
    host.host.assign(Wish("c", "film.mp4"))
    assert host.host.streams() == {}, "it takes no more"


def test_what_is_seen_at_every_look_is_known_since_when():
    since = Since()
    assert since.longer({"a", "b"}, 0.0, 5.0) == []
    assert since.longer({"a"}, 4.0, 5.0) == []
    assert since.longer({"a", "b"}, 6.0, 5.0) == ["a"]
