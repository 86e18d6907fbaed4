"""`longtake streams` where nobody serves: wishes are kept, mistakes are sentences."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console
from typer.testing import CliRunner

from longtake import stream_views
from longtake.cli import app
from longtake.known_streams import known
from longtake.output import console
from pipeline.control.board import Board
from pipeline.control.records import Ending, HostInfo
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore
from tests.timeline import make

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/streams.schema.json").read_text())


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
        (["rm", "nobody"], "there is no stream 'nobody'; streams: cam"),
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
    assert lines["cam"][:4] == ["run", "host-1", "nobody", "serves"]
    assert lines["later"][:2] == ["paused", "paused"]
    board.lead("somebody", 60)
    assert "nobody serves" not in call("ls") and "starting" in call("show", "cam")


def test_a_narrow_list_has_fewer_columns_and_cuts_only_sources(call, store):
    call("add", "a-camera-with-a-name", "rtsp://cam/" + "way/" * 20, "--paused")
    call("add", "b", "rtsp://cam/2")

    def shown(width: int) -> list[str]:
        console = Console(width=width, file=io.StringIO(), color_system=None)
        console.print(stream_views.listing(known(store), width))
        assert isinstance(console.file, io.StringIO)
        return [line for line in console.file.getvalue().splitlines() if line.strip()]

    wide, narrow = shown(200), shown(60)
    assert "host" in wide[0] and "…" not in wide[2]
    assert "host" not in narrow[0] and all(name in narrow[0] for name in ("name", "state", "source"))
    assert len(wide) == len(narrow) == 4, "a line for each stream"
    assert "a-camera-with-a-name" in narrow[2] and "…" in narrow[2] and "nobody serves" in narrow[3]
    assert all(len(line) <= 60 for line in narrow)


def test_the_list_for_programs_keeps_its_published_schema(call, store):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(call("ls", "--format", "json")) == {"streams": []}
    call("add", "wanted", "rtsp://user:secret@cam/1")
    store.commit(make.claim(store), make.commit(finished=True))
    listed = json.loads(call("ls", "--format", "json"))
    jsonschema.validate(listed, SCHEMA)
    watched, wanted = listed["streams"]
    assert (watched["name"], watched["state"], watched["until"], watched["wanted"]) == ("cam1", "ended", 0.8, None)
    assert (wanted["name"], wanted["wanted"], wanted["until"], wanted["host"]) == ("wanted", "run", None, None)


def test_a_stream_that_ended_is_ended_paused_or_not(call, store):
    call("add", "cam1", "/films/a.mp4")
    store.commit(make.claim(store), make.commit(finished=True))
    call("pause", "cam1")
    assert ["state", "ended"] in [line.split() for line in call("show", "cam1").splitlines()]


def test_whose_clock_a_camera_goes_by_is_not_known_before_it_was_opened(call):
    call("add", "cam", "rtsp://cam/1")
    call("add", "film", "/films/a.mp4")
    assert "not known yet" in call("show", "cam") and "the recording's" in call("show", "film")


def test_a_file_that_is_not_here_is_added_with_a_warning(call, board, tmp_path):
    (tmp_path / "here.mp4").write_bytes(b"")
    assert "there is no file" not in call("add", "here", str(tmp_path / "here.mp4"))
    assert f"there is no file {tmp_path}/nowhere.mp4 on this machine" in call("add", "gone", f"{tmp_path}/nowhere.mp4")
    assert set(board.wishes()) == {"here", "gone"}


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
    assert "rtsp://***@cam/1 is gone" in shown and "failed once" in shown
    board.assign("cam", "host-1", generation)
    board.note(Ending("cam", "host-1", generation, "failed", error="another model", final=True))
    assert "not before it is changed or restarted" in call("show", "cam")
