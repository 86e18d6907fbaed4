"""One embedded store for a module of tests."""

from collections.abc import Iterator

import pytest

from pipeline.timeline.store import TimelineStore


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def store(shared: TimelineStore) -> TimelineStore:
    """The store, empty."""
    shared.client.flushall()
    return shared
