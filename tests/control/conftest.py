"""The board on an embedded server, and on a node of a Redis Cluster, which refuses what touches two slots at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.control.board import Board
from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import TcpServer


@pytest.fixture(scope="session")
def control_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    server = TcpServer(tmp_path_factory.mktemp("control"), "--cluster-enabled", "yes")
    try:
        server.own_all_slots()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["embedded", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimelineStore]:
    url = None
    if request.param == "cluster":
        server = request.getfixturevalue("control_node")
        server.client().flushall()
        url = server.url
    with TimelineStore.open(url, tmp_path) as opened:
        yield opened


@pytest.fixture
def board(store: TimelineStore) -> Board:
    return Board(store)
