"""`longtake streams` where nobody serves: wishes are kept, mistakes are sentences."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.output import console
from pipeline.control.board import Board
from pipeline.control.records import Ending, HostInfo
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    monkeypatch.setattr(console, "width", 300)
    with TimelineStore.open(None, tmp_path) as opened:
        yield opened


@pytest.fixture
def board(store) -> Board:
    return Board(store)


@pytest.fixture
def call(store) -> Callable[..., str]:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["streams", *words])
        if isinstance(result.exception, LongtakeError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_an_added_stream_is_wished_for_as_it_was_described(call, board):
    call("add", "cam", "rtsp://${USER}:${PW}@cam/1", "--policy", "wait", "--fps", "2", "--start-time", "90", "--paused")
    wish = board.wish("cam")
    assert (wish.uri, wish.policy, wish.fps) == ("rtsp://${USER}:${PW}@cam/1", "wait", 2.0)
    assert (wish.start_time_s, wish.paused) == (90.0, True)


def test_who_adds_is_told_that_nobody_serves(call, board):
    assert "nobody serves this store now: longtake serve" in call("add", "cam", "rtsp://cam/1")
    board.lead("somebody", 60)
    assert "nobody" not in call("add", "cam2", "rtsp://cam/2")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "cam", "rtsp://cam/2"], "stream 'cam' is there already"),
        (["add", "two words", "rtsp://cam/2"], "cannot name a stream"),
        (["add", "new", "ftp://cam/2"], "ftp:// cannot be read"),
        (["add", "new", "rtsp:///1"], "names no host"),
        (["add", "new", "/etc"], "is a directory"),
        (["add", "new", "a.mp4", "--model", "nobody"], "unknown model 'nobody'; choose one of longtake-small"),
        (["add", "new", "a.mp4", "--policy", "drop"], "unknown policy 'drop'; choose one of wait"),
        (["add", "new", "a.mp4", "--fps", "300"], "0 to 240"),
        (["add", "new", "a.mp4", "--start-time", "soon"], "is not a time"),
        (["rm", "nobody"], "there is no stream 'nobody'"),
        (["pause", "nobody"], "there is no stream 'nobody' to be served; there are: cam"),
        (["resume", "nobody"], "there is no stream 'nobody'"),
        (["restart", "nobody"], "there is no stream 'nobody'"),
        (["swap", "longtake-small", "cam", "nobody"], "there is no stream 'nobody'"),
        (["swap", "nothing", "cam"], "unknown model 'nothing'; choose one of longtake-small"),
        (["swap", "longtake-small"], "or --all"),
        (["swap", "longtake-small", "cam", "--all"], "or --all"),
        (["show", "nobody"], "there is no stream 'nobody'; streams: cam"),
    ],
)
def test_mistakes_are_wrong_usage_and_said_in_a_sentence(words, sentence, call):
    call("add", "cam", "rtsp://cam/1")
    with pytest.raises(UsageError) as raised:
        call(*words)
    assert sentence in str(raised.value) and raised.value.exit_code == 2


def test_what_the_operator_forbids_is_refused(call, board):
    board.publish({"allowed_schemes": ["rtsp"]})
    with pytest.raises(UsageError, match=r"file:// is not allowed here .*; allowed are rtsp"):
        call("add", "cam", "/films/a.mp4")
    call("add", "cam", "rtsp://cam/1")


def test_pause_resume_and_restart_are_new_generations(call, board):
    call("add", "cam", "rtsp://cam/1")
    generations = [board.wish("cam").generation]
    for command, paused in (("pause", True), ("resume", False), ("restart", False)):
        call(command, "cam")
        wish = board.wish("cam")
        assert wish.paused is paused
        generations.append(wish.generation)
    assert generations == sorted(set(generations))


def test_a_swap_wishes_for_another_model_of_some_or_all(call, board):
    for name in ("a", "b", "c"):
        call("add", name, "rtsp://cam/1")
    call("swap", "longtake-small", "a", "b")
    assert [board.wish(name).model for name in ("a", "b", "c")] == ["longtake-small", "longtake-small", ""]
    before = board.wish("c").generation
    call("swap", "longtake-small", "--all")
    assert board.wish("c").model == "longtake-small" and board.wish("c").generation > before


def test_a_swap_with_a_mistake_changes_nothing(call, board):
    call("add", "a", "rtsp://cam/1")
    with pytest.raises(UsageError):
        call("swap", "longtake-small", "a", "nobody")
    assert board.wish("a").model == ""


def test_removing_takes_the_wish_and_the_timeline(call, board, store):
    call("add", "cam", "rtsp://cam/1")
    store.claim("cam", "rtsp://cam/1", "model", frozenset({"walk"}))
    call("rm", "cam")
    assert not board.wishes() and not store.streams()


def test_the_list_shows_what_is_wanted_beside_what_is(call, board, store):
    call("add", "cam", "rtsp://user:secret@cam/1")
    call("add", "later", "rtsp://cam/2", "--paused")
    token = store.claim("cam", "rtsp://cam/1", "model", frozenset({"walk"})).token
    board.beat(HostInfo("host-1", "n", {"cam": 1}))
    board.keep("cam", "host-1", token, 1)
    listed = call("ls")
    assert "wanted" in listed and "host-1" in listed and "secret" not in listed
    lines = {line.split()[0]: line.split()[1:] for line in listed.splitlines() if line.strip()}
    assert lines["cam"][:3] == ["run", "host-1", "starting"]
    assert lines["later"][:2] == ["paused", "paused"]


def test_without_wishes_the_list_is_as_it_was(call, store):
    assert "no streams yet" in call("ls")
    store.claim("old", "a.mp4", "model", frozenset({"walk"}))
    assert "wanted" not in call("ls")


def test_one_stream_is_shown_with_its_last_error_and_when_it_is_tried_again(call, board, store):
    call("add", "cam", "rtsp://cam/1", "--fps", "2")
    generation = board.wish("cam").generation
    board.assign("cam", "host-1", generation)
    board.note(Ending("cam", "host-1", generation, "failed", error="rtsp://a:b@cam/1 is gone"))
    shown = call("show", "cam")
    assert "rtsp://***@cam/1 is gone" in shown and "failed 1 times in a row" in shown
    board.assign("cam", "host-1", generation)
    board.note(Ending("cam", "host-1", generation, "failed", error="another model", final=True))
    assert "not before its wish is changed" in call("show", "cam")
