"""Memory of a contestant: the proportional set sizes of all its processes, summed."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.task import median

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Sample:
    """MiB at a moment (unix seconds), by the name of the program."""

    at_s: float
    by_program: dict[str, float]

    @property
    def mib(self) -> float:
        return sum(self.by_program.values())


class Sampler:
    """Measures a process, all that descends from it, and every process that works inside its folder, until stopped.

    The folder finds what has left the family: Redis is a daemon, and works where its data lie.
    """

    def __init__(self, folder: str, every_s: float = 1.0) -> None:
        self._folder = str(Path(folder).resolve())
        self._every_s = every_s
        self._stop = threading.Event()
        self.samples: list[Sample] = []

    def start(self, pid: int) -> None:
        """Begin to measure the process `pid`."""
        self._thread = threading.Thread(target=self._run, args=(pid,), name="pss", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self, pid: int) -> None:
        while not self._stop.wait(self._every_s):
            self.samples.append(measure(pid, self._folder))

    def steady_mib(self, began_s: float, ended_s: float) -> float:
        """The median over the second half of a stretch of time."""
        middle_s = (began_s + ended_s) / 2
        return median([sample.mib for sample in self.samples if middle_s <= sample.at_s <= ended_s])


def measure(pid: int, folder: str) -> Sample:
    """One sample of the tree of `pid` and of what works inside `folder`."""
    sums: defaultdict[str, float] = defaultdict(float)
    for member in _members(pid, folder):
        mib = _pss_mib(member)
        if mib:
            sums[_program(member)] += mib
    return Sample(time.time(), dict(sums))


def _members(pid: int, folder: str) -> set[int]:
    parents = {int(path.name): _parent(path) for path in PROC.iterdir() if path.name.isdigit()}
    members = {pid} | {other for other in parents if _works_in(other, folder)}
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return members


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _works_in(pid: int, folder: str) -> bool:
    try:
        return str((PROC / str(pid) / "cwd").readlink()).startswith(folder)
    except OSError:
        return False


def _pss_mib(pid: int) -> float:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _program(pid: int) -> str:
    """Ray's actors name themselves `ray::Class`; others go by their executable's name."""
    try:
        title = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    except OSError:
        return "gone"
    return title.split(".")[0] if title.startswith("ray::") else Path(title.split(" ")[0]).name or "unknown"
