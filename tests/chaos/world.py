"""The world that chaos happens to: Redis, cameras, a served fleet, and somebody who watches its metrics."""

from pathlib import Path
from typing import Any

from pipeline.timeline.records import StreamInfo
from tests.chaos import films
from tests.chaos.counters import Counters
from tests.chaos.parts import Camera, Served, Server, free_port

RECORDINGS, CAMERAS, PER_HOST = 12, 2, 5


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
        self.log = folder / "lanes"
        self.redis = Server(folder / "redis")
        self.cameras = {f"camera-{number}": Camera(self.shown) for number in range(CAMERAS)}
        port = free_port()
        self.served = Served(folder, self._config(), self.redis.url, "--metrics-port", str(port))
        self.counters = Counters(port, lambda: self.served.answered(sorted(self.names())))

    def _config(self) -> dict[str, Any]:
        streams: dict[str, dict[str, Any]] = {
            name: {"uri": str(film), "realtime": True} for name, film in self.recordings.items()
        }
        streams |= {name: {"uri": camera.uri} for name, camera in self.cameras.items()}
        return {
            "flow": {
                "live": {"watchdog_s": 4.0, "retry_cap_s": 4.0},
                "source": {"open_timeout_s": 5.0},
                "log": {"folder": str(self.log)},
            },
            "serve": {"streams_per_host": PER_HOST, "retry_cap_s": 5.0},
            "streams": streams,
        }

    def close(self) -> None:
        """End everything."""
        self.counters.close()
        for camera in self.cameras.values():
            camera.kill()
        self.served.close()
        self.redis.kill()

    def infos(self) -> dict[str, StreamInfo]:
        """Every stream as the store sees it; empty while the store is away."""
        return self.served.infos()

    def flowing(self, since: dict[str, float], awake: set[str]) -> bool:
        """Every stream of `awake` has moved on from where it was, or has ended."""
        infos = self.infos()
        return bool(infos) and all(
            name in infos and (infos[name].state == "ended" or infos[name].until_s > since.get(name, 0.0) + 2.0)
            for name in awake
        )

    def recordings_ended(self) -> bool:
        """Every recording is over."""
        infos = self.infos()
        return bool(infos) and all(infos[name].state == "ended" for name in self.recordings)

    def names(self) -> set[str]:
        """All streams."""
        return {*self.recordings, *self.cameras}
