"""The exporter: processes of a node are joined, the dead are buried, the port answers, the node tells of itself."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest

from actors import exporter
from actors.exporter import exporting, served
from actors.metrics_folder import METRICS_VARIABLE, OTHERS, PREFIX, FolderCollector
from longtake.config import Config
from longtake.run import Engine, Options, execute
from pipeline.errors import UsageError
from tests.actors.scraped import counting, free_port, scrape, tell

CHILDREN = 200
FORKING = f"""
import os
from actors.metrics import PrometheusHooks
hooks = PrometheusHooks()
for child in range({CHILDREN}):
    if os.fork() == 0:
        hooks.decoded(f"cam{{child % 4}}", False)
        hooks.batch("encode", 2, 0.01)
        hooks.kept("cam1", 1.0)
        os._exit(0)
    os.wait()
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(port: int, tmp_path: Path) -> Iterator[Path]:
    with exporting(tmp_path, port, "127.0.0.1", "decode"):
        yield tmp_path


def test_processes_are_added_up_and_the_gauges_of_dead_ones_vanish(port: int, folder: Path) -> None:
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
    assert [scraped["longtake_batch_size_sum", "encode"] for scraped in (one, none)] == [8, 8]
    gauges = [scraped.get(("longtake_stream_until_seconds", "cam1")) for scraped in (both, one, none)]
    assert gauges == [30.0, 20.0, None]
    assert both["process_resident_memory_bytes", ""] > 0


def test_a_stream_that_changed_its_host_is_shown_as_the_new_host_sees_it(port: int, folder: Path) -> None:
    with counting(folder, 90.0) as old, counting(folder, 10.0):
        assert scrape(port)["longtake_stream_until_seconds", "cam1"] == 10.0, "the newest, not the highest"
        tell(old, "over")
        tell(old, "restored")
        assert scrape(port).get(("longtake_stream_until_seconds", "cam1")) is None, "what was told last is nothing"


def test_the_dead_are_buried_in_one_file_and_nothing_they_counted_is_lost(port: int, folder: Path) -> None:
    environment = os.environ | {METRICS_VARIABLE: str(folder)}
    with subprocess.Popen([sys.executable, "-c", FORKING], env=environment) as forking:
        seen = 0.0
        while forking.poll() is None:
            found = scrape(port)
            now = sum(value for (name, _), value in found.items() if name == "longtake_frames_decoded_total")
            assert now >= seen, "a count never falls"
            seen = now
    assert forking.returncode == 0
    found = scrape(port)
    assert [found["longtake_frames_decoded_total", f"cam{number}"] for number in range(4)] == [CHILDREN / 4] * 4
    assert found["longtake_batch_size_sum", "encode"] == 2 * CHILDREN
    assert found["longtake_batch_seconds_count", "encode"] == CHILDREN
    assert sorted(file.name for file in folder.iterdir()) == ["counter_dead.db", "histogram_dead.db"]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 64 * 1024


def test_series_of_the_dead_stay_bounded_however_many_streams_there_were(tmp_path: Path) -> None:
    collector = FolderCollector(tmp_path, most=3)
    for number in range(4):
        script = f"from actors.metrics import PrometheusHooks\nPrometheusHooks().decoded('cam{number}', True)"
        subprocess.run([sys.executable, "-c", script], env=os.environ | {METRICS_VARIABLE: str(tmp_path)}, check=True)
        collector.tidy()
    found = {
        (sample.name.split("_")[2], sample.labels["stream"]): sample.value
        for family in collector.collect()
        for sample in family.samples
        if sample.name.startswith("longtake_frames_")
    }
    named = {("decoded", "cam0"): 1, ("corrupt", "cam0"): 1, ("decoded", "cam1"): 1}
    assert found == named | {("corrupt", OTHERS): 3, ("decoded", OTHERS): 2}


def test_a_process_that_finds_no_room_for_its_numbers_works_without_them(tmp_path: Path) -> None:
    """Writing to mapped memory where the disk is full would end it."""
    script = "from actors.metrics import PrometheusHooks\nPrometheusHooks().decoded('cam1', False)\nprint('worked')"
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (4096, 4096))
    environment = os.environ | {METRICS_VARIABLE: str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.run(
        [sys.executable, "-c", script], env=environment, preexec_fn=full, capture_output=True, text=True, timeout=300
    )
    assert (process.returncode, process.stdout) == (0, "worked\n")
    assert "metrics are not kept" in process.stderr
    assert not [sample for family in FolderCollector(tmp_path).collect() for sample in family.samples]


def test_a_process_that_has_just_opened_its_file_disturbs_no_scrape(port: int, folder: Path) -> None:
    (folder / f"counter_{os.getpid()}.db").touch()
    assert scrape(port)["process_resident_memory_bytes", ""] > 0


def test_the_node_tells_of_itself(tmp_path: Path, port: int) -> None:
    with exporting(tmp_path, port, "127.0.0.1", "decode", data=tmp_path / "not" / "made" / "yet"):
        found = scrape(port)
    (build,) = [labels for name, labels in found if name == "longtake_build_info"]
    assert build.split(",")[1] == "decode" and build.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert 0 < found["longtake_node_memory_available_bytes", ""] < found["longtake_node_memory_size_bytes", ""]
    for path in (str(tmp_path), "/dev/shm"):
        assert 0 < found["longtake_node_disk_free_bytes", path] <= found["longtake_node_disk_size_bytes", path]
    assert found["longtake_node_cpu_seconds_total", ""] > 0 and found["longtake_node_cpus", ""] == os.cpu_count()
    assert found["longtake_process_memory_bytes", "other"] > 10_000_000, "this process"
    assert found["longtake_process_memory_bytes", "host"] == 0


def test_nothing_remains_when_the_run_is_over(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with served(port, shared=True):
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith(PREFIX) and os.environ[METRICS_VARIABLE] == str(folder)
    assert METRICS_VARIABLE not in os.environ
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        scrape(port)


def test_a_process_that_is_alone_needs_no_folder(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with served(port):
        found = scrape(port)
        assert list(tmp_path.iterdir()) == [] and METRICS_VARIABLE not in os.environ
    names = {name for name, _ in found}
    assert {"python_info", "longtake_build_info", "longtake_commit_seconds_count"} <= names


def test_without_a_port_nothing_is_served_and_no_folder_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(exporter, "start_http_server", lambda *_: pytest.fail("a server was started"))
    with served(0, shared=True):
        assert METRICS_VARIABLE not in os.environ
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_is_taken_is_one_clear_sentence(shared: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = rf"cannot be served on 127.0.0.1:{port} \(Address already in use\); give another --metrics-port"
        with pytest.raises(UsageError, match=sentence), served(port, shared=shared):
            pytest.fail("it was served")
    assert METRICS_VARIABLE not in os.environ


def test_an_address_of_another_machine_is_one_clear_sentence(port: int) -> None:
    with pytest.raises(UsageError, match=r"cannot be served on 192\.0\.2\.1"), served(port, "192.0.2.1"):
        pytest.fail("it was served")


def test_a_run_on_a_cluster_is_refused_rather_than_half_counted(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    config = Config.model_validate({"ray": {"address": "192.0.2.1:6379"}})
    with pytest.raises(UsageError, match=r"leave out --metrics-port or ray\.address"):
        execute([], Options(tmp_path, Engine.RAY, None, config, port), fresh=False)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_the_port_answers_while_a_run_goes_on_and_closes_with_it(engine: str, port: int, tmp_path: Path) -> None:
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
                assert all("Actor" in title for title in _writers(Path(temporary))), "Ray's own processes write nothing"
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


def _writers(temporary: Path) -> set[str]:
    """Titles of the processes that keep numbers in the folder of a run."""
    files = temporary.glob(f"{PREFIX}*/*.db")
    return {Path(f"/proc/{file.stem.rsplit('_', 1)[1]}/cmdline").read_text().split("\0")[0] for file in files}


def _text(said: IO[bytes]) -> bytes:
    said.seek(0)
    return said.read()
