"""A real camera is killed, frozen and exchanged while its stream is watched."""

import signal
import time
from collections.abc import Iterator

import pytest

from pipeline.values import Clip, GapReason
from tests.live.watching import LIVE, SPEC, Camera, Watcher, watching

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    camera.start()
    yield camera
    camera.send(signal.SIGKILL)


@pytest.fixture
def watcher(camera) -> Iterator[Watcher]:
    with watching(camera.uri) as watcher:
        yield watcher


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
    """With its first picture or some seconds later, as the camera likes."""
    watcher.wait(lambda: watcher.clips(0) >= 6 and watcher.clocks[-1] == "camera", 30)
    assert watcher.clocks in (["camera"], ["arrival", "camera"])
    assert abs(watcher.lag_s()) < 2 and not watcher.gaps()
