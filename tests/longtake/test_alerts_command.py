"""`longtake alerts`: what is set up, whether it works, and telling again."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from longtake.cli import app
from pipeline.alerts.outbox import AlertOutbox
from pipeline.errors import UsageError
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import letter
from tests.alerts.receiver import Receiver

CONFIG = """
alerts:
  webhooks:
    desk: {{url: "http://me:hidden@127.0.0.1:{port}/hidden", secret: "${{DESK}}"}}
    gone: {{url: "http://127.0.0.1:1/"}}
  rules:
    walks: {{labels: [walk, "[run]"], min_score: 0.5, cool_down_s: 60, targets: [desk]}}
"""


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "longtake.yaml").write_text(CONFIG.format(port=receiver.port))
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    monkeypatch.setenv("DESK", "hidden")
    monkeypatch.delenv("LONGTAKE_STORE", raising=False)
    return tmp_path


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["alerts", *arguments, "--config", str(home / "longtake.yaml")])


def test_a_test_tells_the_targets_of_a_rule(home, receiver):
    done = call(home, "test", "walks")
    assert done.exit_code == 0 and done.stdout.startswith("desk  took it in ")
    got = receiver.next()
    told = got.document
    assert (told["kind"], told["rule"], told["segment"]["label"]) == ("test", "walks", "walk")
    assert "X-Longtake-Signature" in got.headers


def test_a_target_that_does_not_take_it_is_told_and_is_a_failure(home, receiver):
    receiver.answers = [503]
    done = call(home, "test")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "desk  it answered 503"
    assert done.stdout.splitlines()[1].startswith("gone  it cannot be reached")
    assert "hidden" not in done.output


def test_a_name_that_is_neither_is_answered_with_the_choices(home):
    wrong = call(home, "test", "walk")
    assert isinstance(wrong.exception, UsageError)
    assert str(wrong.exception) == "there is no rule and no target 'walk'; rules: walks; targets: desk, gone"
    assert str(call(home, "retry", "dsk").exception) == "there is no target 'dsk'; targets: desk, gone"


def test_what_waits_and_what_is_dead_is_listed_and_told_again_when_asked_to(home):
    with TimelineStore.open(None, home) as store:
        outbox = AlertOutbox(store, 10, 10)
        outbox.lead("me", 60)
        outbox.put("me", {}, [("desk", letter(1)), ("desk", letter(2)), ("desk", letter(3))])
        outbox.bury("desk", outbox.waiting("desk", 2), "it answered [400]")
        listed = call(home, "ls")
        assert listed.exit_code == 0 and "hidden" not in listed.stdout
        rows = [line.split() for line in listed.stdout.splitlines()]
        assert ["desk", f"http://127.0.0.1:{_port(home)}", "1", "2", "0", "0"] in rows
        assert ["desk", "cam1", "walk", "walks", "it", "answered", "[400]"] in rows
        assert "walk, [run]" in listed.stdout and "score ≥ 0.5, every 60 s at most" in listed.stdout
        document = json.loads(call(home, "ls", "--format", "json").stdout)
        assert document["targets"]["desk"]["waiting"] == 1
        assert [one["id"] for one in document["targets"]["desk"]["last_dead"]] == ["id2", "id1"]
        assert call(home, "retry").output.splitlines() == [
            "desk  2 alerts to tell again",
            "gone  0 alerts to tell again",
        ]
        assert outbox.counts("desk").waiting == 3


def test_a_label_that_no_stream_knows_is_told_with_those_that_are_near(home):
    with TimelineStore.open(None, home) as store:
        assert "no label" not in call(home, "ls").stderr, "no stream knows any label yet"
        store.claim("cam1", "synthetic://", "model", frozenset({"walks", "[run]"}))
        assert "rule walks: there is no label 'walk'; did you mean walks?" in call(home, "ls").stderr
        store.claim("cam1", "synthetic://", "model", frozenset({"walk"}))
        assert "rule walks" not in call(home, "ls").stderr


def _port(home: Path) -> str:
    return (home / "longtake.yaml").read_text().partition("127.0.0.1:")[2].partition("/")[0]


def test_a_config_without_targets_is_wrong_usage(home):
    (home / "longtake.yaml").write_text("streams: {}\n")
    assert "names no target of alerts" in str(call(home, "ls").exception)
