"""One contract, three kinds of servers: the embedded one, one reached by TCP, and a Redis Cluster of three masters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import Cluster, TcpServer


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    server = TcpServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def three_masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """It refuses whatever touches two slots at once."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.kill()


@pytest.fixture(params=["embedded", "external", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimelineStore]:
    if request.param == "embedded":
        with TimelineStore.open(None, tmp_path) as opened:
            yield opened
        assert not (tmp_path / "store" / "redis.sock").exists(), "the last one to leave ends the server"
        return
    server = request.getfixturevalue("tcp_server" if request.param == "external" else "three_masters")
    server.flush()
    with TimelineStore.open(server.url, tmp_path) as opened:
        yield opened
