"""What the containers watch, as the checks of chaos look at it: through the store, from this machine."""

import json
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.control.board import Board
from pipeline.errors import StoreError
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore
from tests.chaos import films
from tests.chaos.parts import ROOT, free_port, until
from tests.e2e.engine import PYTHON, Engine, Project, Refused

CAMERAS, RECORDINGS = 4, 2
"""Of the demo; and added here, to be held byte for byte against an undisturbed run."""

NODES = ("ray-head", "ray-worker", "model-worker", "longtake")
"""Services whose containers are nodes of the cluster."""

_PROJECT = "longtake-e2e"
_COUNT = """
from ray._raylet import GcsClient
nodes = GcsClient(address="ray-head:6380").get_all_node_info(timeout=10).values()
print("alive:", sum(node.state == 0 for node in nodes))
"""


class World:
    """A project of its own, in one folder; `close` ends what was started.

    Args:
        seconds: how long the recordings last.
        over: more compose files.
    """

    def __init__(self, engine: Engine, folder: Path, seconds: float, over: Sequence[Path] = ()) -> None:
        self.folder = folder
        self.secrets = _secrets(folder / "secrets")
        self.videos, self.log = folder / "videos", folder / "lanes"
        for one in (self.videos, self.log):
            one.mkdir(parents=True, exist_ok=True)
        self.log.chmod(0o777)  # the containers' user writes there
        shots = films.scenes(folder / "scenes", count=RECORDINGS)
        lengths = {f"film-{number}": seconds * (number + 1) / RECORDINGS for number in range(RECORDINGS)}
        self.recordings = {
            name: films.spliced(shots, length, self.videos / f"{name}.mp4") for name, length in lengths.items()
        }
        self.cameras = [f"camera-{number}" for number in range(1, CAMERAS + 1)]
        self.prometheus_port = free_port()
        variables = {
            "SECRETS": str(folder / "secrets"),
            "VIDEOS": str(self.videos),
            "PROMETHEUS_PORT": str(self.prometheus_port),
        }
        self.project = Project(engine, _PROJECT, [_laid_over(folder, self.log), *over], variables)
        self.served = self
        self._open: tuple[str, TimelineStore] | None = None

    def close(self) -> None:
        """End everything, and forget what the containers kept."""
        if self._open is not None:
            self._open[1].close()
        self.project.down()

    @property
    def store(self) -> TimelineStore:
        """The containers' store; it is opened again where Redis has got another address.

        Raises:
            StoreError: it is away.
        """
        try:
            address = self.project.address("redis")
        except Refused as error:
            raise StoreError(str(error)) from None
        if self._open is None or self._open[0] != address:
            if self._open is not None:
                self._open[1].close()
            url = f"redis://:{self.secrets['redis_password']}@{address}:6379"
            self._open = address, TimelineStore.open(url, self.folder)
        return self._open[1]

    def names(self) -> set[str]:
        """All streams."""
        return {*self.recordings, *self.cameras}

    def infos(self) -> dict[str, StreamInfo]:
        """Every stream as the store sees it; empty while the store is away."""
        try:
            return {info.name: info for info in self.store.streams()}
        except StoreError:
            return {}

    def answered(self, streams: Sequence[str]) -> dict[str, int]:
        """How many answers the store keeps, by stream; raises StoreError while it is away."""
        store = self.store
        with store.border(), store.client.pipeline(transaction=False) as pipe:
            for stream in streams:
                pipe.zcard(StreamKeys(stream).scores)
            return dict(zip(streams, pipe.execute(), strict=True))

    def flowing(self, since: dict[str, float]) -> bool:
        """Every stream has moved on from where it was, or has ended."""
        infos = self.infos()
        return all(
            name in infos and (infos[name].state == "ended" or infos[name].until_s > since.get(name, 0.0) + 2.0)
            for name in self.names()
        )

    def whole(self) -> bool:
        """Somebody leads, and every node's container is a node of the cluster that is there now."""
        try:
            count = sum(len(self.project.containers(service)) for service in NODES)
            return bool(Board(self.store).leader()) and f"alive: {count}\n" in self._counted()
        except (StoreError, Refused):
            return False

    def _counted(self) -> str:
        return self.project.inside("longtake", PYTHON, "-c", _COUNT)

    def recordings_ended(self) -> bool:
        """Every recording is over."""
        infos = self.infos()
        return all(name in infos and infos[name].state == "ended" for name in self.recordings)

    def segments(self) -> int:
        """How many segments are in all timelines."""
        return sum(info.segments for info in self.infos().values())

    def pause(self, within_s: float) -> bool:
        """Pause the cameras and wait until nobody has any of them in hand."""
        board = Board(self.store)
        for name in self.cameras:
            board.change(name, paused=True)
        board.poke()
        return until(lambda: not board.view().held, within_s)

    def prometheus(self, path: str) -> Any:
        """What Prometheus answers; None while it is away."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.prometheus_port}{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None


def _secrets(folder: Path) -> dict[str, str]:
    """Made as a person makes them, but in a folder of the run's own."""
    subprocess.run([ROOT / "deploy" / "make-secrets", folder], check=True)
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}


def _laid_over(folder: Path, log: Path) -> Path:
    """Lanes keep a log, to be replayed; two recordings are watched beside the demo's cameras."""
    config = {
        "flow": {"log": {"folder": "/lanes"}},
        "streams": {
            f"film-{number}": {"uri": f"/videos/film-{number}.mp4", "realtime": True} for number in range(RECORDINGS)
        },
    }
    (folder / "longtake.yaml").write_text(yaml.safe_dump(config))
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["longtake"]["command"]
    over = {
        "services": {
            "longtake": {
                "command": [*command, "--config=/longtake.yaml"],
                "volumes": [f"{folder / 'longtake.yaml'}:/longtake.yaml:ro"],
            },
            "ray-worker": {"volumes": [f"{log}:/lanes"]},
        }
    }
    path = folder / "over.yml"
    path.write_text(yaml.safe_dump(over))
    return path
