"""What a contestant is asked and what it answers, and the fresh process it runs in."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.values import UInt8Array

ROOT = Path(__file__).resolve().parents[1]
RESULT = "RESULT "
FPS = 25  # of every film


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one contestant.

    Attributes:
        films: one file or URL per stream; all are watched at once.
        warm: a short film to warm up on, before the clock starts.
        model: directory of the model.
        folder: empty and the contestant's own; also its working directory.
        prove: also tell the digest of the clips and the probabilities of `films[0]`; costs time.
    """

    contestant: str
    films: tuple[str, ...]
    warm: str
    model: str
    folder: str
    prove: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a contestant did between two moments (unix seconds), start-up and warm-up excluded.

    Attributes:
        frames: video frames decoded, of all streams.
        clips: clips answered, of all streams.
        digest: of all clips' pixels, whatever their order; empty unless it was asked for.
        probs: steps × labels of the first stream; empty unless they were asked for.
        extra: figures only some contestants have.
    """

    frames: int
    clips: int
    began_s: float
    ended_s: float
    digest: str = ""
    probs: list[list[float]] = field(default_factory=list, repr=False)
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Video frames per second."""
        return self.frames / max(self.ended_s - self.began_s, 1e-9)


class ClipDigest:
    """One digest of many clips' pixels, whatever order they come in."""

    def __init__(self) -> None:
        self._each: list[bytes] = []

    def add(self, frames: UInt8Array) -> None:
        """Add a clip T×H×W×3."""
        self._each.append(hashlib.blake2b(np.ascontiguousarray(frames).data, digest_size=16).digest())

    def hexdigest(self) -> str:
        """32 hex digits."""
        return hashlib.blake2b(b"".join(sorted(self._each)), digest_size=16).hexdigest()


@contextmanager
def own_folder() -> Iterator[str]:
    """A folder for one contestant, removed afterwards; its path is short, sockets lie in it."""
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(task: Task, started: Callable[[int], None] | None = None, line: Callable[[str], None] | None = None) -> Result:
    """Run a contestant in a fresh process and wait for its result.

    Args:
        started: told the process id.
        line: told every other line the contestant prints.

    Raises:
        RuntimeError: it ended without a result; the message holds the end of its standard error.
    """
    errors = Path(task.folder) / "stderr"
    result: Result | None = None
    with errors.open("w") as stderr, _process(task, stderr) as process:
        if started:
            started(process.pid)
        assert process.stdout is not None
        for text in process.stdout:
            if text.startswith(RESULT):
                result = Result(**json.loads(text.removeprefix(RESULT)))
            elif line:
                line(text.strip())
    if process.returncode or result is None:
        tail = errors.read_text(errors="replace").strip().splitlines()[-12:]
        raise RuntimeError(f"{task.contestant} ended with {process.returncode}:\n" + "\n".join(tail))
    return result


def _process(task: Task, stderr: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.contestant", json.dumps(asdict(task))]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, text=True, cwd=task.folder, env=_env()
    )


def _env() -> dict[str, str]:
    """Of this process, without thread settings: every contestant has the libraries' defaults or sets its own."""
    kept = {key: value for key, value in os.environ.items() if key not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return kept | {"PYTHONPATH": str(ROOT), "RAY_DEDUP_LOGS": "0", "PYTHONWARNINGS": "ignore"}


def tell_answer(stream: str, answered_s: float, at_s: float) -> None:
    """Say that a stream was answered up to a media time at a moment (unix seconds)."""
    sys.stdout.write(f"ANSWER {stream} {answered_s:.3f} {at_s:.4f}\n")  # one write: threads must not mix their lines
    sys.stdout.flush()


def median(values: Sequence[float]) -> float:
    """The middle value; nan of none."""
    return float(np.median(values)) if values else float("nan")
