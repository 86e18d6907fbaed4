"""A node is killed: its streams are on the other within 15 s, and remember what they saw before."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.timeline.codec import unpack_checkpoint
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore
from tests.cluster.situation import BLACK, BLUE, RED, film, make_model
from tests.cluster.two_nodes import TwoNodes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 2
WITHIN_S = 15.0
CUE = ((3, BLACK), (2, RED), (185, BLACK), (4, BLUE), (6, BLACK))  # every kill lies between red and blue
NO_CUE = ((190, BLACK), (4, BLUE), (6, BLACK))
CUE_SEEN_S, BLUE_S = 6.0, 190.0


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    made = {"cue": film(folder / "cue.mp4", CUE), "no-cue": film(folder / "no-cue.mp4", NO_CUE)}
    return {f"{kind}-{number}": path for kind, path in made.items() for number in range(3)}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return make_model(folder / "situation", folder)


@pytest.fixture
def cluster(films, model, tmp_path) -> Iterator[TwoNodes]:
    with TwoNodes(tmp_path, model, films, {"pool": {"min": 2}}) as made:
        yield made


def undisturbed(films: dict[str, Path], model: Path, home: Path) -> dict[str, tuple[str, bytes]]:
    environment = os.environ | {"LONGTAKE_HOME": str(home)}
    for name, path in films.items():
        command = [sys.executable, "-m", "longtake", "run", str(path), "--name", name, "--engine", "inline"]
        subprocess.run([*command, "--model", str(model)], env=environment, check=True, capture_output=True)
    return told(None, home, films)


def told(url: str | None, home: Path, films: dict[str, Path]) -> dict[str, tuple[str, bytes]]:
    """What each timeline says, byte for byte, and the memory it ended with."""
    with TimelineStore.open(url, home) as store:
        return {name: (as_json(url, home, name), memory(store, name)) for name in films}


def as_json(url: str | None, home: Path, stream: str) -> str:
    command = [sys.executable, "-m", "longtake", "timeline", stream, "--format", "json"]
    command += ["--store", url] if url else []
    environment = os.environ | {"LONGTAKE_HOME": str(home)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def memory(store: TimelineStore, stream: str) -> bytes:
    packed = store.client.get(StreamKeys(stream).checkpoint)
    return unpack_checkpoint(packed).temporal_state.tobytes()


def test_streams_of_a_killed_node_are_on_the_other_in_time_with_their_memory(cluster, films, model, tmp_path):
    both = {cluster.cluster.head_node.node_id, cluster.node.node_id}
    cluster.until(lambda: cluster.nodes_of(set(films)) == both, 90)
    cluster.until(cluster.workers_spread, 60)
    cluster.until(lambda: min(cluster.answered_s().get(name, 0.0) for name in films) > CUE_SEEN_S, 60)
    cluster.let_the_standby_lead()  # so the first kill takes the supervisor that leads, too
    took_s = []
    for number in range(KILLS):
        lost = cluster.kill_node()
        head = {cluster.cluster.head_node.node_id}
        took_s.append(cluster.until(lambda lost=lost, head=head: cluster.nodes_of(lost) == head, 60))
        assert lost, "the node had streams"
        if number < KILLS - 1:
            cluster.add_node()
            both = head | {cluster.node.node_id}
            cluster.until(lambda both=both: cluster.nodes_of(set(films)) == both, 60)
            cluster.until(cluster.workers_spread, 90)
    print(f"streams of a killed node were held again after {', '.join(f'{one:.1f}' for one in took_s)} s")
    assert max(took_s) <= WITHIN_S, took_s
    assert max(cluster.answered_s().values()) < BLUE_S, "every kill came before the situation"
    cluster.until(lambda: [one.state for one in cluster.store.streams()] == ["ended"] * len(films), 240)
    found = told(cluster.redis.url, tmp_path, films)
    assert found == undisturbed(films, model, tmp_path / "undisturbed")
    for name in films:
        labels = {segment.label for segment in cluster.store.timeline(name).segments}
        assert ("alarm" in labels) == name.startswith("cue"), "blue alone is no situation"
