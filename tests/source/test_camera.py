"""A real RTSP server on loopback: frames, passwords, and a camera that freezes."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.decode import decode
from pipeline.errors import SourceNotFound, SourceRefused, SourceTimeout
from pipeline.probe import probe
from pipeline.source import SourceSettings, open_source
from tests.conftest import skip_or_fail

pytestmark = pytest.mark.slow
SETTINGS = SourceSettings(open_timeout_s=10, read_timeout_s=2)


@contextmanager
def camera(*credentials: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a camera; yield its process and `HOST:PORT`."""
    script = str(Path(__file__).with_name("camera.py"))
    process = subprocess.Popen(
        ["/usr/bin/python3", script, *credentials], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            skip_or_fail("no GStreamer RTSP server; install gir1.2-gst-rtsp-server-1.0 and python3-gi")
        yield process, f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_a_camera_is_watched_at_its_own_pace() -> None:
    with camera() as (_, host):
        told = probe(f"rtsp://{host}/cam", SETTINGS, live_limit_s=3.0)
        with pytest.raises(SourceNotFound, match="there is nothing at"):
            open_source(f"rtsp://{host}/other", SETTINGS)
    assert (told.info.kind, told.info.live, told.info.codec) == ("rtsp", True, "h264")
    assert (told.timing.epochs, told.gaps, told.complete) == (1, (), False)
    assert told.timing.measured_rate == pytest.approx(25, abs=1)
    assert told.watched_s >= 3.0


def test_a_camera_with_a_password_opens_with_the_right_one_only() -> None:
    with camera("guard", "secret") as (_, host):
        for wrong in ("", "guard:wrong@", "thief:secret@"):
            with pytest.raises(SourceRefused, match="refuses these credentials") as refused:
                open_source(f"rtsp://{wrong}{host}/cam", SETTINGS)
            assert "wrong" not in str(refused.value) and "thief" not in str(refused.value)
        with open_source(f"rtsp://guard:secret@{host}/cam", SETTINGS) as source:
            assert next(decode(source)).picture.rgb(24, 32).shape == (24, 32, 3)
            assert "secret" not in source.info.uri


def test_a_camera_that_freezes_is_a_timeout_and_one_that_goes_away_an_end() -> None:
    with camera() as (process, host), open_source(f"rtsp://{host}/cam", SETTINGS) as source:
        frozen_s = 0.0
        with pytest.raises(SourceTimeout, match="sent nothing for 2 s"):
            for number, _ in enumerate(decode(source)):
                if number == 25:
                    process.send_signal(signal.SIGSTOP)
                    frozen_s = time.monotonic()
        assert time.monotonic() - frozen_s < 6
    with camera() as (process, host), open_source(f"rtsp://{host}/cam", SETTINGS) as source:
        count = 0
        for _ in decode(source):
            count += 1
            if count == 25:
                process.kill()
        assert count >= 25
