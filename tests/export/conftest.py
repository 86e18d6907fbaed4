"""A film in which every frame can be told from every other."""

from pathlib import Path

import pytest

from tests.export.films import write_numbered


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("films") / "numbered.mp4")
