"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest

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
