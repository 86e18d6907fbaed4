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

Edge = tuple[str, str, float]  # label, "start" or "end", seconds since the start of the film

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
    expected, shown = edges(recorded, 0.0), edges(live, origin_s)
    assert any(inner[0] <= time_s <= inner[1] for _, _, time_s in expected)
    assert without_partner(expected, shown, inner) == []
    assert without_partner(shown, expected, inner) == []


def edges(timeline: dict, origin_s: float) -> list[Edge]:
    """Where each label starts and ends, in the order of time."""
    found = [(s["label"], edge, s[edge] - origin_s) for s in timeline["segments"] for edge in ("start", "end")]
    return sorted(found, key=lambda edge: edge[2])


def without_partner(these: list[Edge], others: list[Edge], inner: tuple[float, float]) -> list[Edge]:
    """The edges in the inner part that are not, one for one and within the tolerance, among the others."""
    left, alone = list(others), []
    for label, edge, time_s in these:
        near = [other for other in left if other[:2] == (label, edge) and abs(other[2] - time_s) <= TOLERANCE_S]
        if near:
            left.remove(near[0])
        elif inner[0] <= time_s <= inner[1]:
            alone.append((label, edge, time_s))
    return alone
