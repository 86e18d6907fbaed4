"""A cluster as its users make it: `longtake head`, `longtake join` and `longtake serve`, each a process of its own."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest
import yaml

from actors.family import descendants, end
from pipeline.control.board import Board
from pipeline.models.card import DEFAULT_MODEL
from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import TcpServer


class Joined:
    """A head, a node of each role, and who serves; everything on this machine, with a token.

    Args:
        model: name or directory of the model that is served.
    """

    def __init__(
        self,
        home: Path,
        streams: dict[str, str],
        roles: Sequence[str] = ("decode", "model"),
        model: str = DEFAULT_MODEL,
    ) -> None:
        self._home, self._roles, self._model = home, roles, model
        token = home / "token"
        token.write_text(secrets.token_hex(32))
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        self.address = f"127.0.0.1:{_free_port()}"
        self._redis = TcpServer(home, "--appendonly", "no")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        config = {"streams": {name: {"uri": uri, "realtime": True} for name, uri in streams.items()}}
        (home / "config.yaml").write_text(yaml.safe_dump(config | {"ray": {"threads_per_worker": 1}}))

    def __enter__(self) -> Self:
        self.store = TimelineStore.open(self._redis.url, self._home)
        self.board = Board(self.store)
        try:
            self.start_head()
            for role in self._roles:
                self.start(role, "join", self.address, "--role", role)
            config = ("--config", str(self._home / "config.yaml"), "--store", self._redis.url)
            served = ("--address", self.address, "--model", self._model, "--http-port", "0")
            self.start("serve", "serve", *served, *config)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Who serves ends what it started, while there is a cluster.
        for name in sorted(self.processes, key=lambda name: (name == "head", name != "serve")):
            _end(self.processes[name])
        self.store.close()
        self._redis.kill()

    def start_head(self) -> None:
        self.start("head", "head", "--port", self.address.rpartition(":")[2])

    def start(self, name: str, *words: str) -> None:
        """Start a command whose process is known by a name from now on."""
        with (self._home / f"{name}.said").open("ab") as said:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "longtake", *words], env=self.environment(self.token), stdout=said, stderr=said
            )

    def ask(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a command that is to end by itself, without the token unless it is among what is `changed`."""
        environment = self.environment(changed)
        command = [sys.executable, "-m", "longtake", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)

    def environment(self, changed: dict[str, str]) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
        return plain | {"LONGTAKE_HOME": str(self._home), "HOME": str(self._home)} | changed

    def kill_head(self) -> None:
        """End the head and Ray's processes there, without a word."""
        process = self.processes.pop("head")
        end(descendants(process.pid) | {process.pid: "head"})
        process.wait()

    def actors_on(self, name: str) -> str:
        """Names of the processes below a node's."""
        return " ".join(descendants(self.processes[name].pid).values())

    def reached_s(self) -> dict[str, float]:
        return {info.name: info.until_s for info in self.store.streams()}

    def moved_on(self) -> Callable[[], bool]:
        """Return what tells whether every stream has answers that it does not have now."""
        before = self.reached_s()
        return lambda: bool(before) and all(self.reached_s()[name] > until_s for name, until_s in before.items())

    def until(self, what: Callable[[], object], seconds: float) -> None:
        deadline_s = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline_s:
                said = "\n".join(f"{path.stem}: {path.read_text()[-1500:]}" for path in self._home.glob("*.said"))
                pytest.fail(f"waited {seconds} s in vain: {self.board.view()}\n{said}")
            time.sleep(0.1)

    def said(self, name: str) -> str:
        return (self._home / f"{name}.said").read_text()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        end(descendants(process.pid) | {process.pid: ""})
        process.wait()
        raise


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
