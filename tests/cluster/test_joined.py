"""`longtake head`, `join` and `serve --address`: machines become a cluster, each with its role; strangers do not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.identity import Registry
from actors.ray_node import versions
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from tests.cluster.joined import Joined

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
STREAMS = {f"hall{number}": f"synthetic://seed={number}&duration=900" for number in (1, 2)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Joined]:
    with Joined(tmp_path_factory.mktemp("joined"), STREAMS) as joined:
        joined.until(lambda: set(joined.reached_s()) == set(STREAMS), 150)
        joined.until(joined.moved_on(), 60)
        yield joined


@pytest.fixture
def registry(cluster, monkeypatch) -> Registry:
    for name, value in cluster.token.items():
        monkeypatch.setenv(name, value)
    return Registry(cluster.address)


def test_streams_are_decoded_and_computed_where_nodes_are_for_it(cluster):
    assert "HostActor" in cluster.actors_on("decode") and "ModelWorker" not in cluster.actors_on("decode")
    assert "ModelWorker" in cluster.actors_on("model") and "HostActor" not in cluster.actors_on("model")
    assert "ModelWorker" not in cluster.actors_on("head") and "HostActor" not in cluster.actors_on("head")


def test_a_machine_with_another_longtake_is_refused_and_both_are_named(cluster, tmp_path):
    other = tmp_path / "longtake-9.9.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: longtake\nVersion: 9.9.9\n")
    result = cluster.ask("join", cluster.address, PYTHONPATH=str(tmp_path), **cluster.token)
    assert result.returncode == 2
    assert f"longtake is {versions()['longtake']} there, 9.9.9 here" in result.stderr


def test_a_machine_with_another_model_is_refused_and_both_are_named(cluster, registry):
    ours = load_card(resolve(DEFAULT_MODEL)).fingerprint
    registry.publish_models({DEFAULT_MODEL: "0" * 32})
    try:
        result = cluster.ask("join", cluster.address, "--role", "model", **cluster.token)
    finally:
        registry.publish_models({DEFAULT_MODEL: ours})
    assert result.returncode == 2
    assert f"{'0' * 32} there, {ours} here" in result.stderr


@pytest.mark.parametrize("token", [None, "another"])
def test_a_machine_without_the_token_is_refused(cluster, token):
    given = {"RAY_AUTH_MODE": "disabled"} if token is None else {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    result = cluster.ask("join", cluster.address, **given)
    assert result.returncode == 2 and "its token is missing or another one" in result.stderr


def test_no_machine_joins_or_heads_a_cluster_without_being_asked_for_a_token(cluster):
    for words in (("join", cluster.address), ("head", "--port", "1")):
        result = cluster.ask(*words)
        assert result.returncode == 2 and "RAY_AUTH_TOKEN_PATH" in result.stderr


def test_a_job_without_the_token_is_refused(cluster):
    job = f"import ray; ray.init({cluster.address!r}); print(ray.get(ray.remote(lambda: 'ran').remote()))"
    environment = cluster.environment({"RAY_AUTH_MODE": "disabled"})
    result = subprocess.run([sys.executable, "-c", job], env=environment, capture_output=True, text=True, timeout=100)
    assert result.returncode != 0 and "ran" not in result.stdout
    assert "InvalidAuthToken" in result.stderr


def test_a_port_that_is_taken_is_named(cluster):
    result = cluster.ask("head", "--port", cluster.address.rpartition(":")[2], **cluster.token)
    assert result.returncode == 1 and f"port {cluster.address.rpartition(':')[2]} cannot be used" in result.stderr


def test_when_the_head_has_died_the_cluster_forms_again_and_the_streams_go_on(cluster):
    cluster.kill_head()
    cluster.until(lambda: "no longer a node" in cluster.said("decode"), 60)
    flows = cluster.moved_on()
    cluster.start_head()
    cluster.until(flows, 120)
    assert Path(f"/proc/{cluster.processes['serve'].pid}").exists()
