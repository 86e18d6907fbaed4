"""The project's docker-compose.yml, run by Docker, or by podman in its place."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chaos.parts import ROOT

FILE = ROOT / "docker-compose.yml"
STAND_INS = {
    "docker.io/library/redis:7.4": (["redis-server"], ["/usr/bin/env"]),
    "docker.io/prom/prometheus:v3.5.0": (["prometheus"], ["prometheus"]),
}
"""Where no image can be pulled: Debian's packages instead, and the entrypoint."""

PYTHON = "/opt/longtake/bin/python"
"""In the images of nodes."""

_STAND_INS_MAKER = "LONGTAKE_CONTAINERS_UP"
_BRIEFLY = ("--kill-after=5", "60")


class Refused(Exception):
    """A command of the engine ended with an error; holds what it said."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Docker or podman.

    Attributes:
        name: its command.
        compose: the command that runs a compose file.
        build: what is added to every build.
        pulls: images can be had that are not built here.
    """

    name: str
    compose: tuple[str, ...]
    build: str
    pulls: bool

    @classmethod
    def found(cls, build: str) -> "Engine":
        """Docker where it answers; else podman, made ready by the program that `LONGTAKE_CONTAINERS_UP` names.

        Args:
            build: what is added to podman's builds.
        """
        if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
            return cls("docker", ("docker", "compose"), "", True)
        maker = os.environ.get(_STAND_INS_MAKER)
        if not maker:
            sys.exit(f"there is no Docker engine; {_STAND_INS_MAKER} may name a program that sets up podman instead")
        subprocess.run([maker], check=True)
        podman_compose = str(Path(sys.executable).with_name("podman-compose"))
        return cls("podman", (podman_compose,), build, False)


class Project:
    """The compose file with a name, variables and further files of its own.

    Args:
        over: compose files laid over the project's.
        variables: what the files are filled in with.
    """

    def __init__(self, engine: Engine, name: str, over: Sequence[Path], variables: Mapping[str, str]) -> None:
        self.engine = engine
        self.name = name
        self._files = [word for path in (FILE, *over) for word in ("-f", str(path))]
        self._environment = os.environ | variables
        services: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
        pulled = {service: one["image"] for service, one in services.items() if "build" not in one}
        self.left_out = [] if engine.pulls else sorted(s for s, image in pulled.items() if image not in STAND_INS)
        wanted = {service for service, one in services.items() if one.get("profiles", ["demo"]) == ["demo"]}
        self.services = sorted(wanted - set(self.left_out))

    def prepare(self) -> None:
        """Build what is built, and have what is pulled."""
        if not self.engine.pulls:
            for image, (packages, entrypoint) in STAND_INS.items():
                self._stand_in(image, packages, entrypoint)
        self._compose("build", *(service for service in self.services if service not in ("redis", "prometheus")))

    def up(self, *options: str) -> None:
        """Start everything there is to start."""
        self._compose("up", "-d", "--no-build", *options, *self.services)

    def down(self) -> None:
        """End everything, volumes included; podman-compose by itself forgets what was scaled up."""
        if running := self.containers():
            self.command("rm", "-f", *running)
        self._compose("down", "-v", "--timeout", "20")

    def containers(self, service: str = "") -> list[str]:
        """Ids of the containers that run, of one service or of all."""
        labels = [f"com.docker.compose.project={self.name}"]
        labels += [f"com.docker.compose.service={service}"] if service else []
        return self.command("ps", "-q", *(f"--filter=label={label}" for label in labels)).split()

    def one(self, service: str) -> str:
        """The first container of a service."""
        running = self.containers(service)
        if not running:
            raise Refused(f"no container of {service} runs")
        return running[-1]

    def address(self, service: str) -> str:
        """Where a service can be reached from this machine."""
        networks = self.inspected(self.one(service))["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def inspected(self, thing: str) -> dict[str, Any]:
        """What the engine knows of a container or an image."""
        known: dict[str, Any] = json.loads(self.command("inspect", thing))[0]
        return known

    def kill(self, container: str) -> None:
        """Kill every process of a container at once, as a crash would; the engine then sees it end by itself."""
        self.command("exec", container, "/bin/sh", "-c", "kill -9 -1", check=False)

    def restart(self, service: str) -> None:
        """Stop a container in order and start it again."""
        self.command("restart", self.one(service))

    def outside(self, image: str, *command: str, options: Sequence[str] = ()) -> str:
        """What a command says in a container of its own on the project's network, which was given nothing."""
        network = next(iter(self.inspected(self.one("redis"))["NetworkSettings"]["Networks"]))
        return self._said(
            "run", "--rm", "--network", network, *options, "--entrypoint", "timeout", image, *_BRIEFLY, *command
        )

    def inside(self, service: str, *command: str, options: Sequence[str] = ()) -> str:
        """What a command says in a container of a service."""
        return self._said("exec", *options, self.one(service), "timeout", *_BRIEFLY, *command)

    def command(self, *words: str, check: bool = True) -> str:
        """Run a command of the engine; returns what it printed, both streams for `logs`."""
        both = subprocess.STDOUT if words[0] == "logs" else subprocess.PIPE
        done = subprocess.run([self.engine.name, *words], stdout=subprocess.PIPE, stderr=both, text=True)
        if check and done.returncode:
            raise Refused(f"{self.engine.name} {' '.join(words)}: {(done.stderr or done.stdout or '')[-500:]}")
        return done.stdout

    def _said(self, *words: str) -> str:
        done = subprocess.run([self.engine.name, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout

    def _stand_in(self, image: str, packages: list[str], entrypoint: list[str]) -> None:
        if subprocess.run([self.engine.name, "image", "exists", image]).returncode:
            maker = os.environ[_STAND_INS_MAKER]
            tag = image.removeprefix("docker.io/")
            subprocess.run([maker, "image", tag, *packages, "--", *entrypoint], check=True)

    def _compose(self, *words: str) -> None:
        build = [f"--podman-build-args={self.engine.build}"] if self.engine.build else []
        command = [*self.engine.compose, "-p", self.name, *self._files, *build, "--profile", "demo", *words]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise Refused(f"{' '.join(words)}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
