"""`kill -9` of any process at any moment, run again: the timeline is that of an undisturbed run, byte for byte."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.synthetic import SceneSpec, write_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SYNTHETIC = {"one": (SceneSpec(21, 24, 1), (320, 240)), "two": (SceneSpec(22, 20, 2), (192, 144))}
THIRD = "synthetic://seed=23&duration=20&people=1&fps=10"
REAL = ("clips/intel_one-by-one-person-detection.mp4", "clips/fir_original_20200628_144536.mp4")
KILLS = 2
PATIENCE_S = 90


@pytest.fixture(scope="module")
def sources(tmp_path_factory, shared_data) -> dict[str, str]:
    """Three synthetic videos and two real ones."""
    folder = tmp_path_factory.mktemp("films")
    for name, (spec, size) in SYNTHETIC.items():
        write_video(folder / f"{name}.mp4", spec, size=size)
    films = {name: str(folder / f"{name}.mp4") for name in SYNTHETIC}
    return films | {"three": THIRD} | {f"real{i}": str(shared_data / path) for i, path in enumerate(REAL)}


@pytest.fixture(scope="module")
def undisturbed(sources, tmp_path_factory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("undisturbed")
    return {name: finished(source, name, "inline", home) for name, source in sources.items()}


def start(source: str, name: str, engine: str, home: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "longtake", "run", source, "--name", name, "--engine", engine, "--format", "json"]
    environment = os.environ | {"LONGTAKE_HOME": str(home)}
    home.mkdir(exist_ok=True)
    with (home / "said").open("a") as said:  # a file, not a pipe: Ray's processes may outlive the run and hold it open
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)


def ask(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"LONGTAKE_HOME": str(home)}
    command = [sys.executable, "-m", "longtake", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def finished(source: str, name: str, engine: str, home: Path) -> str:
    run = start(source, name, engine, home)
    assert run.wait() == 0, (home / "said").read_text()
    return ask(home, "timeline", name, "--format", "json").stdout


def descendants(pid: int) -> list[int]:
    """The process and everything it started."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def redis_of(home: Path) -> list[int]:
    """The embedded server that keeps the data of `home`."""
    note = home / "store" / "redis.pid"
    return [int(note.read_text())] if note.exists() else []


def wait_for_commit(home: Path, name: str, run: subprocess.Popen, beyond_s: float) -> float:
    """Wait until more than `beyond_s` is answered, or the run is over; return how much is."""
    from pipeline.errors import LongtakeError
    from pipeline.timeline.store import TimelineStore

    deadline = time.monotonic() + 120
    while run.poll() is None and time.monotonic() < deadline:
        try:
            with TimelineStore.open(None, home) as store:
                until_s = {info.name: info.until_s for info in store.streams()}.get(name, 0.0)
        except LongtakeError:
            continue
        if until_s > beyond_s:
            return until_s
    return beyond_s


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it had ended by itself, which is a moment like any other
        os.kill(pid, signal.SIGKILL)


def give_up(run: subprocess.Popen) -> None:
    """Wait for the run to end; one that waits for a lost part of Ray is ended as its user would end it."""
    try:
        run.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill(run.pid)
        run.wait()


def disturbed(source: str, name: str, engine: str, home: Path, victim: Callable[[int], int]) -> tuple[str, int]:
    """Run with kills, each after a commit later than the last one; return the timeline and how many kills hit."""
    hits, until_s = 0, 0.0
    for _ in range(KILLS):
        run = start(source, name, engine, home)
        until_s = wait_for_commit(home, name, run, until_s)
        if run.poll() is None:
            kill(victim(run.pid))
            hits += 1
        give_up(run)
    return finished(source, name, engine, home), hits


@pytest.mark.parametrize("name", ["one", "two", "three", "real0", "real1"])
def test_inline_and_ray_agree(name, sources, undisturbed, tmp_path):
    assert finished(sources[name], name, "ray", tmp_path) == undisturbed[name]


@pytest.mark.parametrize("engine", ["inline", "ray"])
@pytest.mark.parametrize("name", ["one", "two", "three", "real0", "real1"])
def test_killed_twice_and_resumed(name, engine, sources, undisturbed, tmp_path):
    timeline, hits = disturbed(sources[name], name, engine, tmp_path, lambda pid: pid)
    assert timeline == undisturbed[name]
    assert hits, "the run was over before it could be killed"


@pytest.mark.parametrize("seed", range(3))
def test_any_process_of_a_ray_run_may_be_killed(seed, sources, undisturbed, tmp_path):
    choice = random.Random(seed)
    timeline, _ = disturbed(sources["one"], "one", "ray", tmp_path, lambda pid: choice.choice(descendants(pid)))
    assert timeline == undisturbed["one"]


def test_a_run_goes_on_when_its_embedded_store_is_killed(sources, undisturbed, tmp_path):
    run, until_s, hits = start(sources["one"], "one", "inline", tmp_path), 0.0, 0
    for _ in range(KILLS):
        until_s = wait_for_commit(tmp_path, "one", run, until_s)
        for pid in redis_of(tmp_path) if run.poll() is None else ():
            kill(pid)
            hits += 1
    assert run.wait(PATIENCE_S) == 0, (tmp_path / "said").read_text()
    assert ask(tmp_path, "timeline", "one", "--format", "json").stdout == undisturbed["one"] and hits
