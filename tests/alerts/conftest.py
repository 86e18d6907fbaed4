"""One embedded store for each module, emptied before each test; a receiver of webhooks on this machine."""

from collections.abc import Iterator

import pytest

from pipeline.timeline.store import TimelineStore
from tests.alerts.receiver import Receiver


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("alerts")) as opened:
        yield opened


@pytest.fixture
def store(served: TimelineStore) -> TimelineStore:
    served.client.flushall()
    return served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
