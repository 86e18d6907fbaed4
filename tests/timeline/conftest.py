"""One contract, three kinds of servers: the embedded one, one reached by TCP, and a Redis Cluster of three masters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.archive.archive import Archive
from pipeline.timeline.moves import move
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import Cluster, TcpServer
from tests.timeline.several import Filled, fill


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


@pytest.fixture(scope="session")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Several streams that only tests read; the older part of each is in an archive, in several files."""
    home = tmp_path_factory.mktemp("several")
    with TimelineStore.open(None, home, StoreSettings(archive=str(home / "archive"))) as store:
        filled = fill(store)
        assert move(store, Archive(str(home / "archive")), 0.0).segments > 10
        assert store.client.zcard("lt:{a-1}:archive") > 1
        assert store.client.hlen("lt:{a-1}:segments") > 5
        yield filled
