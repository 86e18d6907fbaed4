"""An archive, a store that knows of it, and the same store where none is configured."""

from pathlib import Path

import pytest

from pipeline.archive.archive import Archive
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def archive(place: str) -> Archive:
    return Archive(place)


@pytest.fixture
def store(tmp_path: Path, place: str):
    with TimelineStore.open(None, tmp_path, StoreSettings(archive=place)) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path, store: TimelineStore):
    """The same store, where no archive is configured."""
    with TimelineStore.open(None, tmp_path) as opened:
        yield opened
