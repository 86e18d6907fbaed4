"""The board: wishes, leases and outcomes; what is somebody else's is refused."""

import threading
import time
from dataclasses import replace

import pytest

from pipeline.control.board import Board
from pipeline.control.records import Ending, HostInfo
from pipeline.control.wish import Wish
from pipeline.errors import UsageError
from pipeline.timeline.keys import WISHES, StreamKeys

CAM = Wish("cam1", "rtsp://camera/1")


def claim(store, stream="cam1") -> str:
    return store.claim(stream, "rtsp://camera/1", "model", frozenset({"walk"})).token


def ending(token="", host="a", generation=1, state="failed", error="no picture", **fields) -> Ending:
    return Ending("cam1", host, generation, state, token, error, **fields)


def expire(store, key: str) -> None:
    """Let a lease run out without waiting for it."""
    store.client.unlink(key)


def test_a_wish_is_kept_with_a_generation(board):
    stored = board.put(CAM)
    assert stored.generation > 0 and board.wish("cam1") == stored and board.wishes() == {"cam1": stored}


def test_the_same_name_twice_is_refused_unless_it_is_to_be_replaced(board):
    first = board.put(CAM)
    with pytest.raises(UsageError, match="'cam1' is there already"):
        board.put(CAM)
    assert board.put(CAM, replace=True).generation > first.generation


def test_every_change_makes_a_new_generation(board):
    first = board.put(CAM)
    paused = board.change("cam1", paused=True)
    restarted = board.change("cam1")
    assert first.generation < paused.generation < restarted.generation and restarted.paused


def test_changes_at_the_same_time_are_all_kept(board):
    board.put(CAM)
    changes = [{"fps": 2.0}, {"policy": "wait"}, {"paused": True}, {"model": "other"}]
    threads = [threading.Thread(target=board.change, args=("cam1",), kwargs=change) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wish = board.wish("cam1")
    assert (wish.fps, wish.policy, wish.paused, wish.model) == (2.0, "wait", True, "other")


def test_a_name_that_comes_back_has_a_later_generation(board):
    first = board.put(CAM)
    board.remove("cam1")
    assert board.wishes() == {}
    time.sleep(0.002)  # generations follow the server's clock
    assert board.put(CAM).generation > first.generation


@pytest.mark.parametrize("act", [lambda b: b.remove("cam2"), lambda b: b.change("cam2"), lambda b: b.wish("cam2")])
def test_an_unknown_stream_is_refused_with_the_known_ones(act, board):
    board.put(CAM)
    with pytest.raises(UsageError, match="no stream 'cam2' to be served; there are: cam1"):
        act(board)


def test_a_lost_index_of_wishes_is_rebuilt(board, store):
    wish = board.put(CAM)
    store.client.unlink(WISHES)
    assert board.wishes() == {"cam1": wish}
    assert store.client.smembers(WISHES) == {b"cam1"}


def test_a_host_is_alive_for_as_long_as_it_beats(board, store):
    info = HostInfo("a", "node", {"cam1": 3}, pid=7)
    board.beat(info, 5)
    assert board.hosts() == {"a": info}
    expire(store, "lt:host:a")
    assert board.hosts() == {}
    board.beat(info, 5)
    board.forget_host("a")
    assert board.hosts() == {}


def test_a_beat_runs_out_by_itself(board):
    board.beat(HostInfo("a", "node"), 0.02)
    deadline = time.monotonic() + 5
    while board.hosts():
        assert time.monotonic() < deadline


def test_a_lease_is_kept_by_the_owner_of_the_stream_only(board, store):
    board.put(CAM)
    first = claim(store)
    assert board.keep("cam1", "a", first, 1)
    assert (board.held()["cam1"].host, board.held()["cam1"].generation) == ("a", 1)
    second = claim(store)
    assert not board.keep("cam1", "a", first, 1)
    assert board.keep("cam1", "b", second, 1) and board.held()["cam1"].host == "b"


def test_a_stream_is_assigned_once_and_only_for_the_present_wish(board):
    wish = board.put(CAM)
    assert not board.assign("cam1", "a", wish.generation - 1)
    assert board.assign("cam1", "a", wish.generation)
    assert not board.assign("cam1", "b", wish.generation)
    assert board.view().assigned["cam1"].host == "a"


def test_the_end_of_a_run_gives_up_its_lease_and_its_assignment(board, store):
    wish = board.put(CAM)
    board.assign("cam1", "a", wish.generation)
    token = claim(store)
    board.keep("cam1", "a", token, wish.generation)
    assert board.note(ending(token, generation=wish.generation, state="released"))
    view = board.view()
    assert not view.held and not view.assigned and not view.outcomes


@pytest.mark.parametrize(("paused", "state"), [(True, "paused"), (False, "starting")])
def test_a_stopped_stream_is_called_paused_only_where_a_pause_is_wished_for(paused, state, board, store):
    board.put(replace(CAM, paused=paused))
    lease = store.claim("cam1", "rtsp://camera/1", "model", frozenset({"walk"}))
    store.set_state(lease, "paused")
    board.note(ending(lease.token, state="released"))
    assert store.streams()[0].state == state


def test_failures_in_a_row_are_counted_and_told(board, store):
    board.put(CAM)
    token = claim(store)
    for _ in range(3):
        assert board.note(ending(token, error="rtsp://user:secret@camera/1 is gone", jitter=0.75))
    outcome = board.view().outcomes["cam1"]
    assert (outcome.state, outcome.count, outcome.jitter, outcome.final) == ("failed", 3, 0.75, False)
    assert outcome.error == "rtsp://***@camera/1 is gone"
    assert abs(outcome.at_s - board.view().now_s) < 5


def test_failures_begin_anew_with_another_wish_and_after_a_good_time(board, store):
    board.put(CAM)
    token = claim(store)
    board.note(ending(token))
    board.note(ending(token))
    board.note(ending(token), forgive_s=0)
    assert board.view().outcomes["cam1"].count == 1
    board.note(ending(token))
    board.note(ending(token, generation=2))
    assert board.view().outcomes["cam1"].count == 1


def test_a_run_that_lost_its_stream_has_nothing_to_say_of_it(board, store):
    wish = board.put(CAM)
    board.assign("cam1", "b", wish.generation)
    old, new = claim(store), claim(store)
    board.keep("cam1", "b", new, wish.generation)
    assert not board.note(ending(old, host="a"))
    assert not board.note(ending("", host="a")), "never owned it, and it is not assigned to it"
    assert not board.note(ending("", host="b")), "somebody holds it"
    view = board.view()
    assert view.held["cam1"].host == "b" and view.assigned["cam1"].host == "b" and not view.outcomes


def test_a_run_that_failed_before_its_claim_may_say_so(board):
    wish = board.put(CAM)
    board.assign("cam1", "a", wish.generation)
    assert board.note(ending("", generation=wish.generation, final=True))
    view = board.view()
    assert view.outcomes["cam1"].final and not view.assigned


def test_one_supervisor_leads_until_it_resigns_or_is_gone(board, store):
    assert board.lead("one", 5) and board.lead("one", 5) and not board.lead("two", 5)
    assert board.leader() == "one"
    board.resign("two")
    assert not board.lead("two", 5), "only the leader can resign"
    board.resign("one")
    assert board.lead("two", 5)
    expire(store, "lt:supervisor")
    assert board.lead("one", 5)


def test_a_poke_wakes_who_waits_and_pokes_do_not_pile_up(board):
    for _ in range(100):
        board.poke()
    assert board.poked(1)
    assert not board.poked(0.05)


def test_removing_the_timeline_leaves_the_wish(board, store):
    board.put(CAM)
    claim(store)
    store.remove("cam1")
    assert "cam1" in board.wishes()


def test_what_the_server_allows_is_known_elsewhere(board, store):
    assert board.rules() == {}
    board.publish({"allowed_schemes": ["rtsp"]})
    assert Board(store).rules() == {"allowed_schemes": ["rtsp"]}


def test_removed_streams_leave_nothing_behind(board, store):
    wish = board.put(CAM)
    board.assign("cam1", "a", wish.generation)
    board.note(ending(claim(store)))
    board.remove("cam1")
    keys = StreamKeys("cam1")
    assert not store.client.exists(keys.wish, keys.assigned, keys.hold, keys.outcome)
