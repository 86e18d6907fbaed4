"""The series that docs/metrics.md tells of."""

import re

from tests.conftest import REPOSITORY

METRICS = REPOSITORY / "docs" / "metrics.md"


def documented() -> dict[str, set[str]]:
    """Labels by the name of a series."""
    rows = re.findall(r"^\| `(longtake_\w+)` \| ([\w, ]*)\| (.*) \|$", METRICS.read_text(), re.MULTILINE)
    assert len(rows) > 30, "the tables of docs/metrics.md look different"
    return {name: set(re.findall(r"\w+", labels)) for name, labels, _ in rows}
