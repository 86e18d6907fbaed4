"""A real camera is killed, frozen and exchanged while its stream is watched."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Camera:
    """One RTSP camera at one address; what stands behind the address changes."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"rtsp://127.0.0.1:{self.port}/cam"
        self.process: subprocess.Popen[str] | None = None

    def start(self, width: int = 160, height: int = 120) -> None:
        command = [SYSTEM_PYTHON, str(CAMERA), str(self.port), str(width), str(height)]
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

    def __init__(self, uri: str) -> None:
        self.items: list[Clip | Gap] = []
        self.clocks: list[str] = []
        self.lost: list[tuple[float, GapReason]] = []
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.reader = Reader("cam", uri, SPEC, ReadSettings(live=LIVE, forever=True), self, SystemClock())
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

    def finish(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    camera.start()
    yield camera
    camera.send(signal.SIGKILL)


@pytest.fixture
def watcher(camera) -> Iterator[Watcher]:
    watcher = Watcher(camera.uri)
    yield watcher
    watcher.finish()
    spans = [(i.start_s, i.end_s) if isinstance(i, Clip) else (i.start, i.end) for i in watcher.items]
    assert all(before[1] == after[0] for before, after in pairwise(spans)), "clips and gaps tile the time"


def test_a_camera_that_was_killed_is_watched_again_within_its_wait_and_three_seconds(camera, watcher):
    watcher.wait(lambda: watcher.clips(0) >= 3, 30)
    camera.send(signal.SIGKILL)
    watcher.wait(lambda: len(watcher.lost) >= 3, 30)
    assert watcher.lost[0][1] == GapReason.CAMERA_DOWN
    camera.start(320, 240)  # another picture size
    back_s = time.time()
    assert watcher.wait(lambda: watcher.clips(1) >= 1, 30) - back_s < LIVE.retry_cap_s + 3 + SPEC.frames / SPEC.fps
    assert {clip.frames.shape for clip in watcher.items if isinstance(clip, Clip)} == {(4, 32, 32, 3)}


def test_a_camera_that_froze_is_noticed_within_the_watchdog_and_a_second(camera, watcher):
    watcher.wait(lambda: watcher.clips(0) >= 3, 30)
    camera.send(signal.SIGSTOP)
    frozen_s = time.time()
    watcher.wait(lambda: bool(watcher.lost), 30)
    assert watcher.lost[0][1] == GapReason.STALLED
    assert watcher.lost[0][0] - frozen_s < LIVE.watchdog_s + 1
    camera.send(signal.SIGCONT)
    watcher.wait(lambda: watcher.clips(1) >= 1, 30)


def test_a_camera_that_sends_reports_tells_the_time(watcher):
    watcher.wait(lambda: watcher.clips(0) >= 1, 30)
    assert watcher.clocks == ["camera"]
    assert abs(watcher.items[0].start_s - time.time()) < 5
