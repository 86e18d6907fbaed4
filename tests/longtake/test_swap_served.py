"""Another model takes over two streams while `longtake serve` watches them; nothing is lost on the way."""

import signal
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.models.card import load_card
from tests.longtake.served import Served
from tests.models.micro import make_model_dir

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIG = """
ray:
  threads_per_worker: 2
  object_store_bytes: 100000000
streams:
  first: {uri: 'synthetic://seed=1&duration=600', realtime: true}
  second: {uri: 'synthetic://seed=2&duration=600', realtime: true}
"""


def fingerprint(directory: Path) -> str:
    return load_card(directory).fingerprint


def test_streams_go_on_under_another_model_without_a_gap(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    served = Served(tmp_path, CONFIG, "")
    newer = make_model_dir(tmp_path / "newer", seed=1)
    try:
        served.until(served.watched("first", "second"), 120)
        hosts = {name: served.host_of(name) for name in ("first", "second")}
        result = CliRunner().invoke(app, ["streams", "swap", str(newer), "--all"])
        assert result.exit_code == 0, result.output
        for name in hosts:
            served.until(lambda name=name: served.store.timeline(name).model == fingerprint(newer), 90)
        border_s = {name: served.answered_s(name) for name in hosts}
        served.until(lambda: all(served.answered_s(name) > border_s[name] + 3 for name in hosts), 60)
        assert {name: served.host_of(name) for name in hosts} == hosts
        for name in hosts:
            assert served.store.timeline(name).gaps == ()
            answers = served.store.scores(name)
            assert answers[0].start_s == 0.0
            assert all(before.end_s == after.start_s for before, after in pairwise(answers))
    finally:
        served.process.send_signal(signal.SIGTERM)
        served.end()
