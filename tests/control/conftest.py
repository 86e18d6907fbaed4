"""The board on an embedded server, and on a Redis Cluster, which refuses what touches two slots at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.control.board import Board
from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import Cluster


@pytest.fixture(scope="session")
def three_masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("control"))
    yield cluster
    cluster.kill()


@pytest.fixture(params=["embedded", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimelineStore]:
    url = None
    if request.param == "cluster":
        cluster = request.getfixturevalue("three_masters")
        cluster.flush()
        url = cluster.url
    with TimelineStore.open(url, tmp_path) as opened:
        yield opened


@pytest.fixture
def board(store: TimelineStore) -> Board:
    return Board(store)
