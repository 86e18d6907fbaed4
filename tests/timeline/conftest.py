"""One contract, three servers: the embedded one, one reached by TCP, and a node of a Redis Cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import TcpServer


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    server = TcpServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def cluster_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    """A Redis Cluster of one node: it refuses whatever touches two slots at once."""
    server = TcpServer(tmp_path_factory.mktemp("cluster"), "--cluster-enabled", "yes")
    try:
        server.own_all_slots()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["embedded", "external", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimelineStore]:
    if request.param == "embedded":
        with TimelineStore.open(None, tmp_path) as opened:
            yield opened
        assert not (tmp_path / "store" / "redis.sock").exists(), "the last one to leave ends the server"
    else:
        server = request.getfixturevalue("tcp_server" if request.param == "external" else "cluster_node")
        server.client().flushall()
        with TimelineStore.open(server.url, tmp_path) as opened:
            yield opened
