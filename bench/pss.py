"""Memory of a contestant: the proportional set sizes of all its processes, summed."""

import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.task import median

MIB = 2**20


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
    for process in _members(pid, folder):
        with suppress(psutil.Error):  # it has ended meanwhile
            sums[_program(process)] += process.memory_full_info().pss / MIB
    return Sample(time.time(), dict(sums))


def _members(pid: int, folder: str) -> set[psutil.Process]:
    strangers = {one for one in psutil.process_iter(["cwd"]) if (one.info["cwd"] or "").startswith(folder)}
    try:
        family = psutil.Process(pid)
        return {family, *family.children(recursive=True)} | strangers
    except psutil.NoSuchProcess:
        return strangers


def _program(process: psutil.Process) -> str:
    """Ray's actors name themselves `ray::Class`; others go by their executable's name."""
    title = (process.cmdline() or [process.name()])[0]
    return title.split(".")[0] if title.startswith("ray::") else Path(title.split(" ")[0]).name or "unknown"
