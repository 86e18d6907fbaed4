"""Fixtures every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.timeline.store import TimelineStore

REPOSITORY = Path(__file__).resolve().parents[1]


def skip_or_fail(reason: str) -> None:
    """Skip the test where a real part is missing; in CI a missing part is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("LONGTAKE_TEST_DATA") or REPOSITORY / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        skip_or_fail(f"no real videos at {folder}; set LONGTAKE_TEST_DATA")
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    """One embedded store for a module of tests."""
    with TimelineStore.open(None, tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def store(shared: TimelineStore) -> TimelineStore:
    """That store, empty."""
    shared.client.flushall()
    return shared
