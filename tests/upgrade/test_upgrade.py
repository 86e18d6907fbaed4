"""What an older longtake left in its store, killed in the middle of a recording, goes on under this one.

`codec-3.aof` is the embedded store of `longtake run 'synthetic://seed=7&duration=90' --name before`, killed after 28 s
of it, as written under version 3 of the codec. It belongs to the default model's weights of that time.
"""

import json
import shutil
from pathlib import Path

import msgpack
import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.timeline import codec
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore

OLD = Path(__file__).parent / "codec-3.aof"
MODEL = "c92f94514a434bdbf432a2a84b1e4541"
SOURCE = "synthetic://seed=7&duration=90"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    assert load_card(resolve(DEFAULT_MODEL)).fingerprint == MODEL, "film the old store again under the new weights"
    (tmp_path / "store").mkdir()
    shutil.copy(OLD, tmp_path / "store" / "appendonly.aof")
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    return tmp_path


def run(name: str) -> dict:
    result = CliRunner().invoke(app, ["run", SOURCE, "--name", name, "--engine", "inline", "--format", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_stream_goes_on_from_a_checkpoint_of_the_version_before(home):
    with TimelineStore.open(None, home) as store:
        stored = msgpack.unpackb(store.client.get(StreamKeys("before").checkpoint))
        (found,) = store.streams()
    assert (stored[0], codec.VERSION) == (3, 4) and 0 < found.until_s < 90
    resumed, undisturbed = run("before"), run("after")
    assert resumed["clips"] < undisturbed["clips"], "it did not begin anew"
    assert resumed["segments"] and span(resumed) == span(undisturbed)
    with TimelineStore.open(None, home) as store:
        assert msgpack.unpackb(store.client.get(StreamKeys("before").checkpoint))[0] == codec.VERSION


def span(timeline: dict) -> list[tuple]:
    return [(one["label"], one["start"], one["end"], one["score"], one["peak"]) for one in timeline["segments"]]
