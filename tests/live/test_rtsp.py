"""A real RTSP server gives the timeline of the file it serves."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.synthetic import SceneSpec, write_video
from pipeline.timeline.store import TimelineStore
from tests.conftest import skip_or_fail

CAMERA = Path(__file__).with_name("rtsp_camera.py")
SYSTEM_PYTHON = "/usr/bin/python3"
IGNORED_S = 5.0  # at the start the camera's first key frame decides, at the end its farewell
TOLERANCE_S = 1.5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("film") / "scene.mp4"
    write_video(path, SceneSpec(seed=7, duration_s=45, people=1), size=(320, 240))
    return path


@pytest.fixture
def camera(film) -> Iterator[str]:
    if subprocess.run([SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]).returncode:
        skip_or_fail("GStreamer's RTSP server is not installed; tests/system-parts installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([SYSTEM_PYTHON, CAMERA, film, str(port)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stdout.readline() == "ready\n"
    yield f"rtsp://127.0.0.1:{port}/cam"
    server.terminate()
    server.wait()


def run(source: str, name: str, home: Path) -> dict:
    command = [sys.executable, "-m", "longtake", "run", source, "--name", name, "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True, env={"LONGTAKE_HOME": str(home)}, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.timeout(600)
def test_a_camera_gives_the_labels_of_the_file_it_shows(camera, film, tmp_path):
    recorded = run(str(film), "recorded", tmp_path)
    live = run(camera, "live", tmp_path)
    assert live["duration"] == pytest.approx(recorded["duration"], abs=TOLERANCE_S)
    with TimelineStore.open(None, tmp_path) as store:
        origin_s = store.scores("live")[0].start_s
    inner = (IGNORED_S, recorded["duration"] - IGNORED_S)
    expected, shown = edges(recorded, 0.0, inner), edges(live, origin_s, inner)
    assert expected
    assert shown.keys() == expected.keys()
    for edge, times_s in expected.items():
        assert shown[edge] == pytest.approx(times_s, abs=TOLERANCE_S), edge


def edges(timeline: dict, origin_s: float, inner: tuple[float, float]) -> dict[tuple[str, str], list[float]]:
    """When each label starts and ends within the inner part, in the order of time."""
    found: dict[tuple[str, str], list[float]] = {}
    for segment in timeline["segments"]:
        for edge in ("start", "end"):
            time_s = segment[edge] - origin_s
            if inner[0] <= time_s <= inner[1]:
                found.setdefault((segment["label"], edge), []).append(time_s)
    return found
