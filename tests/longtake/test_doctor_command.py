"""`longtake doctor` without a source, as a command: in this process without what takes long, and whole."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from actors.identity import Registry
from actors.ray_node import answers
from longtake.cli import app
from longtake.installation import checks
from longtake.installation.checks import Asked, Diagnosis
from pipeline.errors import UsageError
from tests.timeline.servers import TcpServer

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "doctor-installation.schema.json"
HEAVY = {"GPU", "model", "test film", "Ray"}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run doctor in this process, without the checks that take long; returns exit code and what it printed."""
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LONGTAKE_STORE", raising=False)
    every = checks.checks
    monkeypatch.setattr(checks, "checks", lambda asked: [one for one in every(asked) if one.name not in HEAVY])

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["doctor", *words])
        if isinstance(result.exception, UsageError):
            raise result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


def valid(text: str) -> dict:
    document = json.loads(text)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return document


def states(document: dict) -> dict[str, str]:
    return {one["name"]: one["state"] for one in document["findings"]}


def test_a_sound_installation_is_told_so(call):
    code, printed = call("--format", "json")
    found = valid(printed)
    assert code == 0 and found["state"] in ("ok", "warning")
    assert set(states(found)) == {
        "software", "store", "persistence", "store memory", "store clock", "disk", "shared memory", "decoders"
    }  # fmt: skip


@pytest.mark.parametrize("reachable", [True, False])
def test_a_store_that_refuses_or_is_away_hides_nothing_else(reachable, call, tmp_path):
    redis_server = TcpServer(tmp_path, "--requirepass", "right")
    url = f"redis://:hunter2@127.0.0.1:{redis_server.port}"
    try:
        if not reachable:
            redis_server.kill()
        code, printed = call("--store", url, "--format", "json")
        _, shown = call("--store", url)
    finally:
        redis_server.kill()
    found = valid(printed)
    assert (code, found["state"], states(found)["store"]) == (1, "broken", "broken")
    assert states(found)["decoders"] == "ok" and "persistence" not in states(found)
    assert "hunter2" not in printed + shown
    told = next(one for one in found["findings"] if one["name"] == "store")
    assert ("refused the password" if reachable else "does not answer") in told["found"]
    assert "LONGTAKE_STORE" in told["advice"] and told["advice"] in shown and "broken: store" in shown


def test_a_port_that_was_asked_for_is_looked_at(call):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, printed = call("--metrics-port", str(taken.getsockname()[1]), "--format", "json")
    assert (code, states(valid(printed))["metrics port"]) == (1, "broken")


def test_what_is_about_an_installation_does_not_go_with_a_source(call):
    with pytest.raises(UsageError, match="about an installation, not about a source"):
        call("film.mp4", "--gpu")


def test_every_check_of_the_command_is_there_whatever_is_asked():
    from actors.settings import RaySettings

    names = [one.name for one in checks.checks(Asked(None, "longtake-small", RaySettings(), 10.0, True, 9400))]
    assert set(names) >= HEAVY and names[-1] == "metrics port" and len(names) == len(set(names))


def test_the_published_schema_is_the_real_one():
    published = json.loads(SCHEMA.read_text())
    real = TypeAdapter(Diagnosis).json_schema()
    assert {key: value for key, value in published.items() if key != "$schema"} == real


def doctor(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "longtake", "doctor", "--format", "json", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"LONGTAKE_HOME": str(home)}, check=False
    )


@pytest.mark.slow
def test_this_machine_is_sound_with_ray_model_and_film(tmp_path):
    done = doctor(tmp_path)
    found = valid(done.stdout)
    assert states(found) | {"store": "ok", "model": "ok", "test film": "ok", "Ray": "ok"} == states(found), done.stdout
    assert done.returncode == 0


@contextmanager
def head_of_a_cluster() -> Iterator[str]:
    """A node that does no work; yields the cluster's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "longtake", "head", "--host", "127.0.0.1", "--port", str(port)])
    try:
        pause = threading.Event()
        while not answers(f"127.0.0.1:{port}") or not Registry(f"127.0.0.1:{port}").addresses():
            assert process.poll() is None
            pause.wait(0.5)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_the_nodes_of_a_cluster_and_their_clocks_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with head_of_a_cluster() as address:
        found = by_name(doctor(tmp_path, "--address", address))
        assert found["Ray"]["state"] == "warning" and "--role decode" in found["Ray"]["advice"]
        assert found["node clocks"]["state"] == "ok" and "1 node agrees" in found["node clocks"]["found"]
    gone = by_name(doctor(tmp_path, "--address", address))
    assert gone["Ray"]["state"] == "broken" and "does not answer" in gone["Ray"]["found"]


def by_name(done: "subprocess.CompletedProcess[str]") -> dict[str, dict]:
    return {one["name"]: one for one in valid(done.stdout)["findings"]}
