"""The logs of a node's actors, where whoever started the node sees them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from actors.threads import repeated

_PATTERN = "session_latest/logs/worker-*.err"
_PERIOD_S = 1.0


@contextmanager
def followed(folder: Path) -> Iterator[None]:
    """Copy what the actors log (one JSON object a line) to standard error as long as the context lasts.

    Ray keeps the standard error of each actor in a file below its `folder`; what else it writes there stays there.
    """
    copy = partial(_copy, folder, {})
    with repeated("logs", _PERIOD_S, copy):
        yield
    copy()


def _copy(folder: Path, read: dict[Path, int]) -> None:
    """Copy the whole lines that have come since; `read` is how far each file has been."""
    for path in folder.glob(_PATTERN):
        with path.open("rb") as file:
            file.seek(read.get(path, 0))
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        read[path] = read.get(path, 0) + len(whole)
        for line in whole.splitlines():
            if line.startswith(b"{"):
                print(line.decode(errors="replace"), file=sys.stderr, flush=True)
