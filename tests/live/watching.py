"""A real camera of a test's own, and somebody who watches it."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.clock import SystemClock
from pipeline.hooks import Hooks
from pipeline.live import LiveSettings
from pipeline.reader import Reader, ReadSettings
from pipeline.values import Checkpoint, Clip, ClipSpec, Gap, GapReason
from tests.conftest import skip_or_fail

CAMERA = Path(__file__).with_name("pattern_camera.py")
SYSTEM_PYTHON = "/usr/bin/python3"
SPEC = ClipSpec(frames=4, height=32, width=32, fps=5.0, stride=4)
LIVE = LiveSettings(watchdog_s=3.0, retry_s=1.0, retry_cap_s=2.0)
BEGINNING = Checkpoint(
    "cam", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "none", "none", "camera"
)


class Camera:
    """One RTSP camera at one address; what stands behind the address changes."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"rtsp://127.0.0.1:{self.port}/cam"
        self.process: subprocess.Popen[str] | None = None

    def start(self, width: int = 160, height: int = 120, rate: int = 10, first_stamp: int = 0) -> None:
        command = [SYSTEM_PYTHON, str(CAMERA), *map(str, (self.port, width, height, rate, first_stamp))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            skip_or_fail("GStreamer's RTSP server is not installed; tests/system-parts installs it")

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()


class Watcher(Hooks):
    """Watches a camera in a thread and keeps what comes, and when (unix seconds)."""

    def __init__(self, uri: str, live: LiveSettings = LIVE) -> None:
        self.items: list[Clip | Gap] = []
        self.clocks: list[str] = []
        self.lost: list[tuple[float, GapReason]] = []
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.reader = Reader("cam", uri, SPEC, ReadSettings(live=live, forever=True), self, SystemClock())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for item in self.reader.read(BEGINNING, self._stop):
            with self._changed:
                self.items.append(item)
                self._changed.notify_all()

    def connected(self, stream, clock):
        self.clocks.append(clock)

    def disconnected(self, stream, reason, error):
        with self._changed:
            self.lost.append((time.time(), reason))
            self._changed.notify_all()

    def wait(self, what: Callable[[], bool], seconds: float) -> float:
        """Wait until `what` holds; the unix time then."""
        with self._changed:
            assert self._changed.wait_for(what, seconds), (self.items[-3:], self.lost)
        return time.time()

    def clips(self, epoch: int) -> int:
        return sum(isinstance(item, Clip) and item.epoch == epoch for item in self.items)

    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    def seconds(self) -> float:
        """Timeline seconds from the first item to the last."""
        return _span(self.items[-1])[1] - _span(self.items[0])[0] if self.items else 0.0

    def lag_s(self) -> float:
        """How far the timeline's end is behind the clock."""
        return time.time() - _span(self.items[-1])[1]

    def finish(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def watching(uri: str, live: LiveSettings = LIVE) -> Iterator[Watcher]:
    """Watch while the block runs; afterwards clips and gaps must tile the time."""
    watcher = Watcher(uri, live)
    try:
        yield watcher
    finally:
        watcher.finish()
    spans = [_span(item) for item in watcher.items]
    assert all(before[1] == after[0] for before, after in pairwise(spans)), "clips and gaps tile the time"


def _span(item: Clip | Gap) -> tuple[float, float]:
    return (item.start_s, item.end_s) if isinstance(item, Clip) else (item.start, item.end)
