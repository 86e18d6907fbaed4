"""One embedded store for a module of tests, and a film in which every frame can be told from every other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore
from tests.export.films import write_numbered


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def store(shared: TimelineStore) -> TimelineStore:
    """The store, empty."""
    shared.client.flushall()
    return shared


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("films") / "numbered.mp4")
