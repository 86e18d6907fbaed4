"""Every example runs as its first lines say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, GapReason
from tests.ask.streams import segment, watched

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A store with a stream, for examples that ask for what there is."""
    place = tmp_path_factory.mktemp("home")
    with TimelineStore.open(None, place) as store:
        seen = [segment("dock", "walk", 10.0, 12.5), segment("dock", "fall", 20.0, None)]
        watched(store, "dock", seen, [Gap("dock", 30.0, 31.0, GapReason.STALLED)])
    return place


@pytest.fixture
def run(home):
    def run(example: Path) -> str:
        environ = {name: value for name, value in os.environ.items() if name != "LONGTAKE_STORE"}
        environ["LONGTAKE_HOME"] = str(home)
        result = subprocess.run([sys.executable, example], capture_output=True, text=True, env=environ)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(run, example):
    assert run(example)


def test_asking_the_timeline_prints_sums_and_what_happened_last(run):
    [example] = [path for path in EXAMPLES if path.stem == "ask_the_timeline"]
    lines = [" ".join(line.split()) for line in run(example).splitlines()]
    assert lines == [
        "dock walk 1 times 2.5 s",
        "dock fall 1 times 0.0 s",
        "dock 10.0 … 12.5 walk",
        "dock 20.0 … still fall",
        "dock 30.0 … 31.0 gap: stalled",
    ]
