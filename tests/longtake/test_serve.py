"""`longtake serve` as a process of its own: streams come and go, its parts are killed, it ends in good order."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.family import descendants
from longtake.cli import app
from pipeline.errors import UsageError
from pipeline.values import GapReason
from tests.longtake.mjpeg import camera
from tests.longtake.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIG = """
ray:
  threads_per_worker: 2
  object_store_bytes: 100000000
serve:
  streams_per_host: 2
  lease_s: 3
  allowed_schemes: [file, http, synthetic]
streams:
  first:
    uri: ${TEST_CAMERA}/first
"""


def cmdline(pid: int) -> str:
    """Empty once a process has ended, also while it waits for its parent to look."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("serve")
    with camera() as uri:
        served = Served(home, CONFIG, uri)
        try:
            served.until(served.watched("first"), 120)
            yield served
        finally:
            served.end()


@pytest.fixture
def call(served, monkeypatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("LONGTAKE_HOME", str(served.home))

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["streams", *words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


def test_streams_are_added_and_removed_while_others_run(served, call):
    call("add", "second", f"{served.uri}/second")
    call("add", "third", f"{served.uri}/third", "--policy", "drop_latest", "--fps", "2")
    served.until(served.watched("first", "second", "third"))
    assert len({held.host for held in served.board.held().values()}) == 2, "two streams to a host"
    _, listed = call("ls")
    assert "wanted" in listed and all(name in listed for name in ("first", "second", "third"))
    assert "http://127.0.0.1" in call("show", "second")[1]
    call("rm", "third")
    assert "third" not in {info.name for info in served.store.streams()}
    assert sorted(served.board.held()) == ["first", "second"]


def test_a_stream_is_paused_and_resumed(served, call):
    call("pause", "second")
    served.until(lambda: "second" not in served.board.held())
    assert "paused" in call("show", "second")[1]
    call("resume", "second")
    served.until(lambda: served.reasons("second") == [GapReason.PAUSED])
    call("restart", "second")
    served.until(lambda: served.reasons("second") == [GapReason.PAUSED, GapReason.RESTART])
    served.until(served.watched("first", "second"))


def test_a_recording_ends_and_is_not_started_again(served, call):
    call("add", "film", "synthetic://seed=3&duration=4")
    served.until(lambda: "film" in served.board.view().outcomes)
    assert served.board.view().outcomes["film"].state == "ended"
    assert {info.name: info.state for info in served.store.streams()}["film"] == "ended"
    call("rm", "film")


def test_what_is_wrong_is_said_at_once(served, call):
    with pytest.raises(UsageError, match="'first' is there already"):
        call("add", "first", f"{served.uri}/again")
    with pytest.raises(UsageError, match=r"rtsp:// is not allowed here .* allowed are file, http, synthetic"):
        call("add", "camera", "rtsp://127.0.0.1/1")
    with pytest.raises(UsageError, match="unknown model 'nobody'"):
        call("add", "camera", served.uri, "--model", "nobody")


def test_streams_go_on_without_a_supervisor_and_the_next_one_picks_up(served, call):
    leader, before = served.board.leader(), served.answered_s("first")
    hosts = served.board.held()
    os.kill(int(leader.partition("-")[0]), signal.SIGKILL)
    call("add", "meanwhile", f"{served.uri}/meanwhile")
    served.until(served.watched("meanwhile"))
    assert served.board.leader() not in ("", leader)
    assert {name: served.board.held()[name] for name in hosts} == hosts, "nobody was disturbed"
    assert served.answered_s("first") > before
    assert not served.store.timeline("first").gaps
    call("rm", "meanwhile")


def test_the_streams_of_a_killed_host_go_on_elsewhere_with_an_honest_gap(served, call):
    served.until(served.watched("first", "second"))
    victim = served.host_of("first")
    before = served.answered_s("first")
    os.kill(served.board.hosts()[victim].pid, signal.SIGKILL)
    served.until(lambda: served.host_of("first") not in ("", victim), 15)
    served.until(lambda: served.answered_s("first") > before + 2)
    gaps = served.store.timeline("first").gaps
    assert [gap.reason for gap in gaps] == [GapReason.RESTART]
    assert gaps[0].start <= before + 5 and gaps[0].end - gaps[0].start < 20


def test_a_host_that_was_stopped_past_its_lease_gives_its_streams_up(served):
    served.until(served.watched("first"))
    sleeper = served.host_of("first")
    pid = served.board.hosts()[sleeper].pid
    assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text(), "a process that decodes never loads torch"
    os.kill(pid, signal.SIGSTOP)
    served.until(lambda: served.host_of("first") not in ("", sleeper))
    os.kill(pid, signal.SIGCONT)
    served.until(
        lambda: all("first" not in one.streams for one in served.board.hosts().values() if one.name == sleeper)
    )
    assert served.host_of("first") != sleeper


def test_a_ray_that_lost_its_head_is_started_anew_at_once_though_no_supervisor_answers_either(served):
    served.until(served.watched("first"))
    before, old = served.answered_s("first"), set(served.board.hosts())
    os.kill(int(served.board.leader().partition("-")[0]), signal.SIGSTOP)
    served.until(lambda: not served.board.leader())
    leaderless_s = time.monotonic()
    served.until(lambda: time.monotonic() > leaderless_s + 3)  # `serve` looks every second: it asks the supervisor now
    (head,) = (pid for pid, name in descendants(served.process.pid).items() if name == "gcs_server")
    os.kill(head, signal.SIGKILL)
    served.until(lambda: served.host_of("first") not in ("", *old), 180)
    served.until(lambda: served.answered_s("first") > before + 2)
    assert "Ray has lost its gcs_server" in served.said()
    assert {gap.reason for gap in served.store.timeline("first").gaps} == {GapReason.RESTART}


def test_the_end_is_orderly(served):
    pids = set(descendants(served.process.pid))
    served.process.terminate()
    assert served.process.wait(60) == 0, served.said()
    assert "stopped; the timelines are kept" in served.said()
    assert not served.board.held() and not served.board.hosts() and not served.board.leader()
    assert not [pid for pid in pids if cmdline(pid)], "nobody is left behind"
    assert not served.board.view().assigned, "the next one need not wait for anything"
