"""What happens to the world. Each fault strikes once and undoes what must be undone; then everybody must flow again."""

import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.parts import until
from tests.chaos.processes import send
from tests.chaos.world import CAMERAS, PER_HOST, RECORDINGS, World

LEASE_S = 5.0
APPEAR_S = 20.0
Fault = Callable[[World, random.Random], str]


class NothingToStrike(Exception):
    """What was to be struck does not exist, although everybody flows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        strike: does it, and returns what it did.
        within_s: how soon everybody must be flowing again.
        kills: lanes that are killed at most, each with a commit that it has not counted yet.
    """

    name: str
    strike: Fault
    within_s: float
    kills: int = 0


def _one_of(world: World, title: str, chance: random.Random) -> int:
    if not until(lambda: bool(world.served.pids(title)), APPEAR_S):
        raise NothingToStrike(f"there was no {title} for {APPEAR_S:g} s")
    return chance.choice(world.served.pids(title))


def _kill_one(title: str) -> Fault:
    def strike(world: World, chance: random.Random) -> str:
        pid = _one_of(world, title, chance)
        send(pid, signal.SIGKILL)
        return f"killed {title} {pid}"

    return strike


def _freeze_host(world: World, chance: random.Random) -> str:
    pid, seconds = _one_of(world, "HostActor", chance), LEASE_S + chance.uniform(2, 5)
    send(pid, signal.SIGSTOP)
    _pause(seconds)
    send(pid, signal.SIGCONT)
    return f"froze host {pid} for {seconds:.1f} s, past its lease"


def _restart_redis(world: World, chance: random.Random) -> str:
    seconds = chance.uniform(0, 8)
    world.redis.kill()
    _pause(seconds)
    world.redis.start()
    return f"killed Redis for {seconds:.1f} s"


def _restart_camera(world: World, chance: random.Random) -> str:
    camera, seconds = chance.choice(list(world.cameras.values())), chance.uniform(0, 6)
    camera.kill()
    _pause(seconds)
    camera.start(world.shown)
    return f"killed a camera for {seconds:.1f} s"


def _stall_camera(world: World, chance: random.Random) -> str:
    camera, seconds = chance.choice(list(world.cameras.values())), chance.uniform(6, 10)
    send(camera.process.pid, signal.SIGSTOP)
    _pause(seconds)
    send(camera.process.pid, signal.SIGCONT)
    return f"froze a camera for {seconds:.1f} s"


def _change_resolution(world: World, chance: random.Random) -> str:
    camera = chance.choice(list(world.cameras.values()))
    camera.kill()
    camera.start(world.wide)
    return "a camera came back with another resolution"


def _overlap(world: World, chance: random.Random) -> str:
    """A camera is down and a model worker dies while Redis is away."""
    camera = chance.choice(list(world.cameras.values()))
    camera.kill()
    world.redis.kill()
    told = _kill_one("ModelWorkerActor")(world, chance)
    _pause(3.0)
    world.redis.start()
    camera.start(world.shown)
    return f"killed a camera and Redis, {told}, all at once"


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


KINDS = (
    Kind("host killed", _kill_one("HostActor"), 45, kills=PER_HOST),
    Kind("model worker killed", _kill_one("ModelWorkerActor"), 60),
    Kind("supervisor killed", _kill_one("SupervisorActor"), 30),
    Kind("Ray head killed", _kill_one("gcs_server"), 90, kills=RECORDINGS + CAMERAS),
    Kind("host frozen", _freeze_host, 45),
    Kind("Redis killed", _restart_redis, 45),
    Kind("camera killed", _restart_camera, 20),
    Kind("camera frozen", _stall_camera, 20),
    Kind("camera changed", _change_resolution, 20),
    Kind("overlapping", _overlap, 60),
)
