"""The processes a process has started, where the system tells (Linux); elsewhere there seem to be none."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def descendants(of: int | None = None) -> dict[int, str]:
    """Return the names of all living processes below one (by default this one), by id."""
    parents, names = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            head, _, tail = status.read_text().rpartition(")")
            state, parent = tail.split()[:2]
            if state != "Z":  # dead, and its parent has not looked yet
                parents[int(status.parent.name)] = int(parent)
                names[int(status.parent.name)] = head.partition("(")[2]
    family = [os.getpid() if of is None else of]
    for member in family:  # grows while it is walked
        family += [child for child, parent in parents.items() if parent == member]
    return {pid: names[pid] for pid in family[1:]}


def end(pids: dict[int, str]) -> None:
    """Kill processes at once, and see off those that are children of this one."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
