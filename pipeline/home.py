"""Where longtake keeps its data."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The data folder: `LONGTAKE_HOME`, else longtake's folder among the user's XDG data."""
    given = os.environ.get("LONGTAKE_HOME")
    return Path(given).expanduser() if given else Path(platformdirs.user_data_dir("longtake", appauthor=False))
