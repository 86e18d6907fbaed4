"""Real cameras that are slow, fast, huge, or count their time anew."""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from pipeline.decode import Scaler
from pipeline.drift import Drift
from pipeline.live import LiveSettings
from pipeline.values import Clip, GapReason
from tests.decode.films import film, steady
from tests.live import ts_camera
from tests.live.ts_camera import Manner
from tests.live.watching import SPEC, Camera, Watcher, watching
from tests.longtake import mjpeg

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# Ten kilobytes a picture: FFmpeg reads some before it believes that this is a transport stream.
RATE = {"b": "2000000", "maxrate": "2000000", "bufsize": "400000", "x264-params": "nal-hrd=cbr"}
LIVE_FILM = {"bf": "0", "preset": "ultrafast", "tune": "zerolatency", **RATE}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Twenty-five small pictures, each of another brightness, the first a key frame."""
    path = tmp_path_factory.mktemp("film") / "pictures.ts"
    return film(path, steady(25), options=LIVE_FILM | {"g": "5"})


def clips(watcher: Watcher) -> list[Clip]:
    return [item for item in watcher.items if isinstance(item, Clip)]


def undisturbed(watcher: Watcher) -> bool:
    """One connection, one epoch, no gap."""
    return not watcher.lost and not watcher.gaps() and {clip.epoch for clip in clips(watcher)} == {0}


def test_each_picture_of_a_camera_of_one_a_second_stands_for_its_second(pictures):
    with ts_camera.camera(pictures, Manner(rate=1)) as uri, watching(uri, LiveSettings(watchdog_s=3.0)) as watcher:
        watcher.wait(lambda: watcher.seconds() >= 8, 40)
    assert undisturbed(watcher)
    kept = np.concatenate([clip.frames[-SPEC.stride :, 0, 0, 0] for clip in clips(watcher)])
    changes = np.flatnonzero(np.diff(kept.astype(int))) + 1
    # Five grid points to a picture; four where a timeline that began with late pictures is slowed down by 5 %.
    assert len(changes) >= 6 and set(np.diff(changes)) <= {4, 5}
    assert np.mean(np.diff(changes)) >= 5 * (1 - Drift.RATE) - 0.2


def test_the_last_picture_of_a_slow_camera_is_not_held_for_ever(pictures):
    with ts_camera.camera(pictures, Manner(rate=1, most=7)) as uri, watching(uri) as watcher:
        watcher.wait(lambda: bool(watcher.lost), 40)
        watched_s = sum(clip.end_s - clip.start_s for clip in clips(watcher))
    assert 6 * (1 - Drift.RATE) - 0.05 < watched_s < 7.05, "six up to the last picture, which stands for one"


def test_of_a_camera_of_240_pictures_a_second_only_the_kept_are_converted(pictures, monkeypatch):
    converted = []
    rgb = Scaler.rgb
    monkeypatch.setattr(Scaler, "rgb", lambda *arguments: (converted.append(1), rgb(*arguments))[1])
    with ts_camera.camera(pictures, Manner(rate=240)) as uri, watching(uri) as watcher:
        watcher.wait(lambda: watcher.seconds() >= 3, 40)
        decoded, busy_s, begun_s = watcher.reader.stats.frames_decoded, time.process_time(), time.monotonic()
        watcher.wait(lambda: watcher.seconds() >= 9, 40)
        busy_s, passed_s = time.process_time() - busy_s, time.monotonic() - begun_s
        assert abs(watcher.lag_s()) < 2.5, "no backlog"
        decoded = watcher.reader.stats.frames_decoded - decoded
    assert undisturbed(watcher)
    assert decoded / passed_s == pytest.approx(240, rel=0.2)
    assert len(converted) <= 5 * (watcher.seconds() + 2)
    assert busy_s / passed_s < 0.6, "the camera, which is in this process too, included"


def test_rtp_time_stamps_may_begin_anew():
    camera = Camera()
    camera.start(rate=10, first_stamp=2**32 - 4 * 90_000)
    try:
        with watching(camera.uri) as watcher:
            watcher.wait(lambda: watcher.seconds() >= 8, 40)
            assert abs(watcher.lag_s()) < 2.5
    finally:
        camera.send(signal.SIGKILL)
    assert undisturbed(watcher)
    assert watcher.clocks[-1] == "camera"


def test_the_time_stamps_of_a_transport_stream_may_begin_anew(pictures):
    with ts_camera.camera(pictures, Manner(first_pts=2**33 - 3 * 90_000)) as uri, watching(uri) as watcher:
        watcher.wait(lambda: watcher.seconds() >= 8, 40)
    assert undisturbed(watcher)


def test_a_camera_that_plays_three_times_as_fast_as_time_does_not_run_away(pictures):
    with ts_camera.camera(pictures, Manner(pace=3.0)) as uri, watching(uri) as watcher:
        watcher.wait(lambda: watcher.seconds() >= 18, 40)
        assert -11 < watcher.lag_s() < 0
    assert undisturbed(watcher)


def test_a_camera_of_8k_pictures_is_watched_and_few_of_them_are_in_memory(tmp_path):
    huge = film(tmp_path / "huge.ts", steady(4, 5.0), rate=5, size=(4320, 7680), options=LIVE_FILM | {"g": "2"})
    for threads, uri in ((1, str(huge)), (2, str(huge)), (1, None)):
        with ts_camera.camera(huge, Manner(rate=5)) as served:
            told = measured(uri or served, threads)
        assert told["gaps"] == 0 and told["seconds"] >= (0.8 if uri else 6)
        assert told["peak_mib"] < told["base_mib"] + 8 * 50, "one picture has 50 MB"


def measured(uri: str, threads: int) -> dict[str, float]:
    """Watch six seconds in a process of its own; what it says of them."""
    command = [sys.executable, "-m", "tests.live.measured", uri, "6", str(threads)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_time_of_a_camera_that_sends_none_is_that_of_arrival():
    """MJPEG over HTTP: FFmpeg says 25 pictures a second whatever comes."""
    with mjpeg.camera(fps=8) as uri, watching(uri) as watcher:
        watcher.wait(lambda: watcher.seconds() >= 2, 30)
        begun_s, seconds = time.monotonic(), watcher.seconds()
        watcher.wait(lambda: watcher.seconds() >= seconds + 5, 30)
        assert time.monotonic() - begun_s == pytest.approx(5, abs=1)
        assert abs(watcher.lag_s()) < 1.5
    assert undisturbed(watcher)


@pytest.mark.parametrize("kind", ["mjpeg", "transport stream"])
def test_a_camera_over_http_is_watched_again_when_it_is_back(kind, pictures):
    def camera(port: int = 0):
        return mjpeg.camera(port=port) if kind == "mjpeg" else ts_camera.camera(pictures, Manner(), port)

    with ExitStack() as first, ExitStack() as watched, ExitStack() as second:
        uri = first.enter_context(camera())
        watcher = watched.enter_context(watching(uri))
        watcher.wait(lambda: watcher.clips(0) >= 3, 30)
        first.close()
        watcher.wait(lambda: len(watcher.lost) >= 2, 30)
        second.enter_context(camera(urlsplit(uri).port))
        back_s = time.time()
        assert watcher.wait(lambda: watcher.clips(1) >= 1, 30) - back_s < 2.0 + 3 + SPEC.frames / SPEC.fps
    assert {gap.reason for gap in watcher.gaps()} == {GapReason.CAMERA_DOWN}
