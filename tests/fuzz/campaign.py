"""A campaign: every mutated video read twice, in this process with the decoder apart, and in a worker without."""

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.fuzz.mutations import Mutant, mutant
from tests.fuzz.reading import LIMIT_S, SILENCE_S, Outcome, read

HARD_S = LIMIT_S + SILENCE_S + 40.0  # past the limit, the silence and the time-outs nothing may be under way
LIMITED = {"stopped", "SourceTimeout", "SourceCrashed", "died", "hung"}
"""Endings that depend on more than the video."""


@dataclass(frozen=True)
class Case:
    """A mutated video, and what came of it.

    Attributes:
        apart: decoded in a process of its own, read in the process of the campaign.
        here: decoded and read in one process, a worker.
        peak_mib: the most memory that worker held.
    """

    number: int
    film: str
    mutations: tuple[str, ...]
    apart: Outcome
    here: Outcome
    peak_mib: int

    @property
    def failures(self) -> list[str]:
        """What may not be, as sentences."""
        found = []
        name = f"{self.number} ({', '.join(self.mutations)} of {self.film})"
        for way, outcome in (("apart", self.apart), ("here", self.here)):
            if outcome.ending.startswith("BUG") or outcome.ending == "hung" or "met a bug" in outcome.sentence:
                found.append(f"video {name} {way}: {outcome.ending}, {outcome.sentence}")
        return found

    @property
    def differs(self) -> bool:
        """The two ways gave different answers, and neither met a limit."""
        one, other = self.apart, self.here
        if "memory" in one.sentence or {one.ending, other.ending} & LIMITED:
            return False
        return (one.ending, one.frames, one.digest) != (other.ending, other.frames, other.digest)


def nothing(ending: str, took_s: float) -> Outcome:
    """The outcome of a reading that nobody could end."""
    return Outcome(ending, "", 0, 0, "", round(took_s, 3))


class Worker(AbstractContextManager["Worker"]):
    """Reads videos in one long-lived process; another takes over where it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def read(self, path: Path) -> tuple[Outcome, int]:
        """Return what came of a video, and the most memory the process held."""
        begun_s = time.monotonic()
        process = self._alive()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        ready = select.select([process.stdout], [], [], HARD_S)[0]
        line = process.stdout.readline() if ready else ""
        if line:
            told = json.loads(line)
            peak_mib = told.pop("peak_mib")
            return Outcome(**told), peak_mib
        process.kill()
        process.wait()
        return nothing("died" if ready else "hung", time.monotonic() - begun_s), 0

    def _alive(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "tests.fuzz.worker"]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        return self._process


class Campaign:
    """Reads mutated videos; several at once."""

    def __init__(self, films: dict[str, bytes], folder: Path, seed: int) -> None:
        self._films = films
        self._folder = folder
        self._seed = seed

    def run(self, numbers: range, jobs: int, over: Callable[[], bool]) -> Iterator[Case]:
        """Yield the cases as they are done; begin no more once it is `over`."""
        done: Queue[Case | None] = Queue(100)
        with ThreadPoolExecutor(jobs) as threads:
            work = [threads.submit(self._share, numbers[first::jobs], done, over) for first in range(jobs)]
            for _ in range(jobs):
                yield from iter(done.get, None)
            for one in work:
                one.result()

    def _share(self, numbers: range, done: "Queue[Case | None]", over: Callable[[], bool]) -> None:
        try:
            with Worker() as worker:
                for number in numbers:
                    if over():
                        return
                    done.put(self._case(mutant(self._seed, number, self._films), worker))
        finally:
            done.put(None)

    def _case(self, video: Mutant, worker: Worker) -> Case:
        path = self._folder / video.name
        path.write_bytes(video.content)
        try:
            apart = self._apart(path)
            here, peak_mib = worker.read(path)
        finally:
            path.unlink()
        return Case(video.number, video.film, video.mutations, apart, here, peak_mib)

    def _apart(self, path: Path) -> Outcome:
        """Read in a thread of this process; one that never comes back is left behind."""
        answer: Future[Outcome] = Future()

        def reading() -> None:
            answer.set_result(read(path, isolated=True))

        threading.Thread(target=reading, daemon=True).start()
        try:
            return answer.result(HARD_S)
        except FutureTimeout:
            return nothing("hung", HARD_S)
