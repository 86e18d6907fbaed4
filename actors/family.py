"""The processes a process has started."""

from contextlib import suppress

import psutil

BURIED_S = 10.0  # a killed process is gone at once, unless the kernel is busy with its memory


def descendants(of: int | None = None) -> dict[int, str]:
    """Return the names of all living processes below one (by default this one), by id; zombies do not live."""
    names = {}
    for process in psutil.Process(of).children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if process.status() != psutil.STATUS_ZOMBIE:
                names[process.pid] = process.name()
    return names


def end(pids: dict[int, str]) -> None:
    """Kill processes at once and wait until they are gone."""
    family = []
    for pid in pids:
        with suppress(psutil.Error):
            family.append(psutil.Process(pid))
    for process in family:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(family, BURIED_S)
