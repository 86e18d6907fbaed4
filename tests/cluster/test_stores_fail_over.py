"""`longtake serve` while a master of its store dies: the timelines are those of an undisturbed run, byte for byte."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.timeline.keys import StreamKeys
from tests.chaos.parts import Served, until
from tests.cluster.situation import BLACK, BLUE, RED, film, make_model
from tests.timeline.servers import Cluster, Watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILM = ((3, BLACK), (2, RED), (20, BLACK), (4, BLUE), (6, BLACK))
STREAMS = [f"film-{number}" for number in range(4)]
CUE_SEEN_S, BLUE_S = 6.0, 25.0


@pytest.fixture(params=["cluster", "sentinel"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Its URL, and what lets a master die and its replica take over."""
    folder = tmp_path / "redis"
    folder.mkdir()
    if request.param == "cluster":
        cluster = Cluster(folder, masters=3, replicas=1)
        yield cluster.url, lambda: cluster.fail_over(StreamKeys(STREAMS[0]).meta)
        cluster.kill()
    else:
        watched = Watched(folder)
        yield watched.url, watched.fail_over
        watched.kill()


def call(home: Path, *words: str) -> str:
    command, environment = [sys.executable, "-m", "longtake", *words], os.environ | {"LONGTAKE_HOME": str(home)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_streams_go_on_when_a_master_of_the_store_dies(store, tmp_path):
    url, fail_over = store
    path, model = film(tmp_path / "film.mp4", FILM), make_model(tmp_path / "model", tmp_path)
    streams = {name: {"uri": str(path), "realtime": True} for name in STREAMS}
    served = Served(tmp_path, {"streams": streams}, url, "--model", str(model))
    try:
        assert until(lambda: _answered_s(served) > CUE_SEEN_S, 120), served.said()
        assert _answered_s(served) < BLUE_S, "the master dies before the situation"
        fail_over()
        assert until(lambda: {one.state for one in served.infos().values()} == {"ended"}, 120), served.said()
        told = {name: call(tmp_path, "timeline", name, "--format", "json", "--store", url) for name in STREAMS}
        assert served.stop(), served.said()
    finally:
        served.close()
    for name in STREAMS:
        call(tmp_path / "alone", "run", str(path), "--name", name, "--engine", "inline", "--model", str(model))
        assert told[name] == call(tmp_path / "alone", "timeline", name, "--format", "json"), name
        assert '"alarm"' in told[name], "blue is a situation where red was seen before"


def _answered_s(served: Served) -> float:
    """How far every stream is answered."""
    infos = served.infos()
    return min((infos[name].until_s if name in infos else 0.0) for name in STREAMS)
