"""What the Dockerfile is, read as text, and the programs that go into its images; `make e2e` builds and runs them."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import av
import psutil
import pytest
import redis

from longtake.synth import film
from tests.chaos.parts import free_port, until
from tests.conftest import REPOSITORY, skip_or_fail

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
_PARTS = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
BASES = dict(zip(_PARTS[2::3], _PARTS[1::3], strict=True))
STAGES = dict(zip(_PARTS[2::3], _PARTS[3::3], strict=True))
IMAGES = ("decode", "control", "model", "camera")
DEBIAN = "docker.io/library/debian:bookworm-slim"


def whole(stage: str) -> str:
    """A stage and those it is built from."""
    return (whole(BASES[stage]) if BASES[stage] in STAGES else "") + STAGES[stage]


def test_every_image_begins_with_debian() -> None:
    assert {base for base in BASES.values() if base not in STAGES} == {DEBIAN}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_special_says_whether_it_is_well_and_what_it_is(image: str) -> None:
    text = whole(image)
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) in (["longtake"], ["10002:10002"])
    assert "HEALTHCHECK" in text
    for label in ("title", "description", "version", "licenses"):
        assert f'org.opencontainers.image.{label}="' in text
    assert f'image.version="{PROJECT["version"]}"' in text


def test_images_keep_no_caches() -> None:
    assert DOCKERFILE.count("apt-get install") == DOCKERFILE.count("rm -rf /var/lib/apt/lists/*")
    assert DOCKERFILE.count("--no-cache-dir") == 1 and "pip install -q --no-cache " in DOCKERFILE


def test_dependencies_come_with_the_hashes_of_the_lock() -> None:
    install = DOCKERFILE.partition("ARG INSTALL=")[2].split("\nENV", 1)[0]
    assert "--require-hashes -c requirements.lock -r pyproject.toml" in install
    assert "$INSTALL" in STAGES["dependencies"] and "$INSTALL" in STAGES["model-dependencies"]


def test_only_the_model_image_has_torch() -> None:
    assert "--extra model" in whole("model")
    assert not any("--extra model" in whole(image) for image in ("decode", "control", "camera"))


def test_a_change_of_the_code_installs_no_dependency_again() -> None:
    for image in ("decode", "model"):
        assert not re.search(r"^COPY (pipeline|actors|longtake|\.)", whole(BASES[image]), re.MULTILINE)
        assert "COPY --from=code" in STAGES[image]


def test_everything_the_images_are_built_from_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    copied = {source for copy in copies for source in copy if not source.startswith("--")}
    assert all((REPOSITORY / source).exists() for source in copied)
    assert all(any(Path(source).is_relative_to(one) for one in allowed) for source in copied)
    assert all(any(Path(source).is_relative_to(one) for source in copied) for one in allowed)


def test_the_films_of_the_cameras_need_no_more_code_than_their_stage_copies(tmp_path: Path) -> None:
    for sources, target in re.findall(r"^COPY (.+) /code/(\S+)$", STAGES["films"], re.MULTILINE):
        for source in (REPOSITORY / one for one in sources.split()):
            into = tmp_path / target / (source.name if target.endswith("/") else "")
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, into) if source.is_dir() else shutil.copy(source, into)
    said = "import film, sys; print(*(one.__file__ for name, one in sys.modules.items() if name[:9] == 'pipeline.'))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", said], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert [one for one in answer.stdout.decode().split() if not Path(one).is_relative_to(tmp_path)] == []


def test_every_dependency_is_in_the_lock_with_a_hash() -> None:
    named = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    wanted = {re.split(r"[<>=!~\[; ]", one)[0] for one in named} | {"setuptools"}
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert wanted <= set(re.findall(r"^([\w.-]+)==\S+[^\n]* \\\n    --hash=sha256:", lock, re.MULTILINE))
    assert "//" not in lock, "the lock names a server"


def test_nodes_that_do_not_compute_need_nothing_of_the_model_extra() -> None:
    modules = "actors.host, actors.supervisor_actor, longtake.join, longtake.serve, longtake.streams, longtake.query"
    absent = "torch torchvision safetensors pynvml opentelemetry.sdk opentelemetry.exporter"
    code = f"import sys; sys.modules.update(dict.fromkeys('{absent}'.split())); import {modules}, longtake.synth"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def with_gpu(folder: Path, python: str) -> list[str]:
    """The script, with a Python of the test's own that looks for GPUs."""
    fake = folder / "python"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    script = folder / "with-gpu"
    script.write_text((DEPLOY / "gpu" / "with-gpu").read_text().replace("/opt/longtake/bin/python", str(fake)))
    return ["/bin/sh", str(script), "echo", "it runs"]


def test_with_a_gpu_the_command_runs(tmp_path: Path) -> None:
    done = subprocess.run(with_gpu(tmp_path, "echo H200"), capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("it runs\n", "GPU: H200\n")


def test_without_a_gpu_it_says_why_and_waits_to_be_stopped(tmp_path: Path) -> None:
    command = with_gpu(tmp_path, "echo 'RuntimeError: Found no NVIDIA driver' >&2; exit 1")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = "".join(process.stderr.readline() for _ in range(3))
    assert "sees no GPU" in said and "Found no NVIDIA driver" in said
    assert until(lambda: bool(psutil.Process(process.pid).children()), 30)
    assert process.poll() is None
    (waits,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert until(lambda: not waits.is_running(), 10)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Redis as the compose file starts it, at another place; its port and process."""
    server = shutil.which("redis-server")
    if server is None:
        skip_or_fail("redis-server is not installed (Debian, Ubuntu: apt install redis-server)")
    port = free_port()
    (tmp_path / "secret").write_text("open-sesame_7")
    configuration = (DEPLOY / "redis" / "redis.conf").read_text().replace("/data", str(tmp_path))
    (tmp_path / "redis.conf").write_text(f"{configuration}\nport {port}\n")
    script = (DEPLOY / "redis" / "start").read_text().replace("/run/secrets/redis_password", str(tmp_path / "secret"))
    (tmp_path / "start").write_text(script.replace("/etc/redis/redis.conf", str(tmp_path / "redis.conf")))
    process = subprocess.Popen(["/bin/sh", tmp_path / "start"], stdout=subprocess.DEVNULL)
    yield port, process.pid
    process.kill()
    process.wait()


def test_redis_has_its_password_and_shows_it_to_nobody(guarded: tuple[int, int]) -> None:
    port, pid = guarded
    client = redis.Redis(port=port, password="open-sesame_7", decode_responses=True)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    assert until(answers, 30)
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    process = psutil.Process(pid)
    assert "open-sesame" not in f"{process.cmdline()} {process.environ()}"
    kept = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "save")
    assert kept == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}


@pytest.mark.slow
def test_a_camera_shows_its_film_for_ever_without_a_seam(tmp_path: Path) -> None:
    if subprocess.run(["/usr/bin/python3", "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]).returncode:
        skip_or_fail("GStreamer's RTSP server is not installed (tests/system-parts)")
    film(tmp_path / "yard.mp4", 7, 3.0, 1)
    port = free_port()
    command = ["/usr/bin/python3", str(DEPLOY / "camera" / "camera.py"), str(tmp_path), str(port)]
    camera = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert camera.stdout is not None
        assert [camera.stdout.readline() for _ in range(2)][-1] == f"ready on port {port}\n"
        times = shown(f"rtsp://127.0.0.1:{port}/yard", 8.0)
    finally:
        camera.terminate()
        assert camera.wait(30) == 0
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert times[-1] - times[0] >= 8.0 and all(abs(step - 0.04) < 0.005 for step in steps)


def shown(uri: str, seconds: float) -> list[float]:
    """Times of the frames that a camera shows."""
    times: list[float] = []
    began_s = time.monotonic()
    with av.open(uri, options={"rtsp_transport": "tcp", "timeout": "20000000"}) as container:
        for frame in container.decode(video=0):
            times += [] if frame.time is None else [frame.time]
            if times and times[-1] - times[0] >= seconds:
                break
    assert time.monotonic() - began_s > 0.8 * seconds, "it is shown at the pace it was filmed"
    return times
