"""Metrics: what the hooks count, how processes are joined, what the port answers."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from actors import metrics
from actors.engine import RayEngine
from actors.metrics import DIRECTORY, MOST_STREAMS, OTHERS, PREFIX, PrometheusHooks, served
from actors.settings import RaySettings
from pipeline.errors import UsageError
from pipeline.flow import FlowSettings
from pipeline.values import Clip, Gap, GapReason
from tests.timeline import make

Samples = dict[tuple[str, str], float]

COUNTING = """
import sys
from actors.metrics import PrometheusHooks
hooks = PrometheusHooks()
for corrupt in (False, True, False):
    hooks.decoded("cam1", corrupt)
hooks.kept("cam1", float(sys.argv[1]))
hooks.batch("encode", 4, 0.01)
print("counted", flush=True)
sys.stdin.read()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> Samples:
    """Every sample of a scrape by name and by its only label of interest."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


@contextmanager
def counting(folder: Path, until_s: float) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has counted three frames and one batch, and lives on."""
    environment = os.environ | {DIRECTORY: str(folder)}
    command = [sys.executable, "-c", COUNTING, str(until_s)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"counted\n"
        try:
            yield process
        finally:
            process.kill()


def clip(stream: str, ordinal: int, pts_s: float) -> Clip:
    frames = np.zeros((16, 8, 8, 3), np.uint8)
    return Clip(stream, 0, 0, 0.0, pts_s, frames, 16, False, ordinal, pts_s, bytes(16))


def counted(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_every_metric_of_a_stream_is_there_as_zero_before_its_first_frame() -> None:
    PrometheusHooks().opened("unwatched", None)
    assert counted("longtake_frames_decoded_total", stream="unwatched") == 0
    assert counted("longtake_frames_corrupt_total", stream="unwatched") == 0
    assert counted("longtake_frames_dropped_total", stream="unwatched", reason="dropped") == 0
    assert counted("longtake_commits_total", stream="unwatched", result="ok") == 0


def test_frames_are_counted_by_stream() -> None:
    hooks = PrometheusHooks()
    for stream, corrupt in (("left", False), ("left", True), ("right", False), ("left", False)):
        hooks.decoded(stream, corrupt)
    hooks.kept("left", 0.12)
    hooks.restored("right")
    assert counted("longtake_frames_decoded_total", stream="left") == 3
    assert counted("longtake_frames_corrupt_total", stream="left") == 1
    assert counted("longtake_frames_decoded_total", stream="right") == 1
    assert counted("longtake_frames_corrupt_total", stream="right") is None
    assert counted("longtake_stream_until_seconds", stream="left") == 0.12
    assert counted("longtake_state_restores_total", stream="right") == 1


@pytest.mark.parametrize(("fps", "seconds", "frames"), [(5.0, 0.8, 4), (5.0, 3.2, 16), (25.0, 0.16, 4)])
def test_a_dropped_clip_counts_the_frames_it_answers_for(fps: float, seconds: float, frames: int) -> None:
    hooks, stream = PrometheusHooks(), f"full-{fps}-{seconds}"
    hooks.clip(clip(stream, 15, 15 / fps))
    hooks.dropped(stream, Gap(stream, 10.0, 10.0 + seconds, GapReason.DROPPED))
    assert counted("longtake_frames_dropped_total", stream=stream, reason="dropped") == frames


def test_a_commit_counts_its_gaps_and_the_segments_it_closes() -> None:
    closed = (make.segment("a", 0.0, 1.0), make.segment("b", 2.0, 3.0), make.segment("c", 0.0, 1.0, "sit"))
    gaps = (make.gap(1.0, 1.5), make.gap(2.0, 2.25))
    hooks = PrometheusHooks()
    hooks.committed(make.commit(closed=closed, gaps=gaps), "ok", 0.001)
    hooks.committed(make.commit(), "repeated", 0.001)
    assert counted("longtake_commits_total", stream="cam1", result="ok") == 1
    assert counted("longtake_commits_total", stream="cam1", result="repeated") == 1
    assert counted("longtake_segments_total", stream="cam1", label="walk") == 2
    assert counted("longtake_segments_total", stream="cam1", label="sit") == 1
    assert counted("longtake_gap_seconds_total", stream="cam1", reason="dropped") == 0.75


def test_a_live_source_that_comes_and_goes_is_counted_and_its_lag_is_known() -> None:
    hooks, stream = PrometheusHooks(), make.STREAM
    hooks.disconnected(stream, GapReason.CAMERA_DOWN, "nobody there")
    assert counted("longtake_stream_up", stream=stream) == 0
    hooks.connected(stream, "arrival")
    hooks.disconnected(stream, GapReason.STALLED, "silent")
    hooks.connected(stream, "camera")
    assert counted("longtake_stream_up", stream=stream) == 1
    assert counted("longtake_reconnects_total", stream=stream, reason="camera_down") == 1
    assert counted("longtake_reconnects_total", stream=stream, reason="stalled") == 1
    hooks.queued(stream, 5)
    assert counted("longtake_queue_depth", stream=stream) == 5
    hooks.committed(make.commit(until_s=time.time() - 3.0), "ok", 0.001)
    assert counted("longtake_lag_seconds", stream=stream) == pytest.approx(3.0, abs=1.0)


def test_series_stay_bounded_however_many_streams_come_and_go() -> None:
    hooks = PrometheusHooks()
    for number in range(5 * MOST_STREAMS):
        hooks.decoded(f"passing-{number}", False)
    series = [
        sample for family in REGISTRY.collect() for sample in family.samples if sample.name.endswith("decoded_total")
    ]
    passing = [sample for sample in series if sample.labels["stream"].startswith("passing-")]
    assert len(passing) == MOST_STREAMS
    assert counted("longtake_frames_decoded_total", stream=OTHERS) == 4 * MOST_STREAMS


def test_processes_are_added_up_and_the_gauges_of_dead_ones_vanish() -> None:
    port = free_port()
    with served(port, shared=True) as folder:
        assert folder is not None
        with ExitStack() as living:
            living.enter_context(counting(folder, 20.0))
            with counting(folder, 30.0):
                both = scrape(port)
            one = scrape(port)
        none = scrape(port)
    assert both["longtake_frames_decoded_total", "cam1"] == 6
    assert both["longtake_frames_corrupt_total", "cam1"] == 2
    assert both["longtake_batch_size_sum", "encode"] == 8
    assert both["longtake_batch_size_count", "encode"] == 2
    assert [scraped["longtake_frames_decoded_total", "cam1"] for scraped in (one, none)] == [6, 6]
    gauges = [scraped.get(("longtake_stream_until_seconds", "cam1")) for scraped in (both, one, none)]
    assert gauges == [30.0, 20.0, None]
    assert both["process_resident_memory_bytes", ""] > 0


def test_a_process_that_has_just_opened_its_file_disturbs_no_scrape() -> None:
    port = free_port()
    with served(port, shared=True) as folder:
        assert folder is not None
        (folder / f"counter_{os.getpid()}.db").touch()
        assert scrape(port)["process_resident_memory_bytes", ""] > 0


def test_nothing_remains_when_the_run_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    port = free_port()
    with served(port, shared=True) as folder:
        assert folder is not None and folder.parent == tmp_path and folder.name.startswith(PREFIX)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        scrape(port)
    with served(port):
        assert ("python_info" in {name for name, _ in scrape(port)}) is True


def test_without_a_port_nothing_is_served_and_no_folder_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(metrics, "start_http_server", lambda *_: pytest.fail("a server was started"))
    with served(0, shared=True) as folder:
        assert folder is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_is_taken_is_one_clear_sentence(shared: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = rf"cannot be served on 127.0.0.1:{port} \(Address already in use\); give another --metrics-port"
        with pytest.raises(UsageError, match=sentence), served(port, shared=shared):
            pytest.fail("it was served")


def test_an_address_of_another_machine_is_one_clear_sentence() -> None:
    with pytest.raises(UsageError, match=r"cannot be served on 192\.0\.2\.1"), served(free_port(), "192.0.2.1"):
        pytest.fail("it was served")


def test_a_cluster_is_refused_rather_than_half_counted(tmp_path: Path) -> None:
    cluster = RaySettings(address="192.0.2.1:6379")
    with pytest.raises(UsageError, match=r"leave out --metrics-port or ray\.address"):
        RayEngine(tmp_path, None, tmp_path, FlowSettings(), cluster, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_the_port_answers_while_a_run_goes_on_and_closes_with_it(engine: str, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "longtake", "run", "synthetic://seed=5&duration=600", "--engine", engine]
    with TemporaryDirectory(prefix="lt-") as temporary, (tmp_path / "said").open("w+b") as said:
        environment = os.environ | {"LONGTAKE_HOME": str(tmp_path / "home"), "TMPDIR": temporary}
        interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are not
        with subprocess.Popen(
            [*command, f"--metrics-port={port}"], env=environment, stderr=said, preexec_fn=interruptible
        ) as process:
            try:
                first = _decoded(process, port, said, more_than=0.0)
                second = _decoded(process, port, said, more_than=first)
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=60) == 1
            finally:
                process.kill()
        assert 0 < first < second
        assert b"stopped before its end" in _text(said)
        assert not list(Path(temporary).glob(f"{PREFIX}*"))


def _decoded(process: "subprocess.Popen[bytes]", port: int, said: IO[bytes], more_than: float) -> float:
    """Ask the port until it has counted more frames; the process must be alive when it answers."""
    deadline_s = time.monotonic() + 240
    while time.monotonic() < deadline_s:
        assert process.poll() is None, _text(said)
        try:
            frames = scrape(port).get(("longtake_frames_decoded_total", "synthetic-5"), 0.0)
        except OSError:
            frames = 0.0
        if frames > more_than:
            return frames
        time.sleep(0.1)
    pytest.fail("no frames were counted")


def _text(said: IO[bytes]) -> bytes:
    said.seek(0)
    return said.read()
