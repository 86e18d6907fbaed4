"""What is done to the containers, and how soon all must be well again."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.parts import until
from tests.e2e.world import World

WORKERS = 3
_STARTS_S = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        strike: does it, and returns what it did.
        within_s: how soon the cluster must be whole again, and then how soon every stream must have new answers.
    """

    name: str
    strike: Callable[[World], str]
    within_s: float


def _scale(world: World) -> str:
    world.project.up("--scale", f"ray-worker={WORKERS}")
    if not until(lambda: len(world.project.containers("ray-worker")) == WORKERS, _STARTS_S):
        return f"asked for {WORKERS} containers, {len(world.project.containers('ray-worker'))} run"
    return f"{WORKERS} containers decode"


def _killed(service: str) -> Callable[[World], str]:
    def strike(world: World) -> str:
        container = world.project.one(service)
        began = world.project.inspected(container)["State"]["StartedAt"]
        world.project.kill(container)
        back = until(lambda: _began(world, container) not in ("", began), _STARTS_S)
        return f"killed all processes of a container; the engine {'started it again' if back else 'left it dead'}"

    return strike


def _began(world: World, container: str) -> str:
    """When a container was started last; nothing while it is down."""
    state = world.project.inspected(container)["State"]
    return str(state["StartedAt"]) if state["Running"] else ""


def _restarted(service: str) -> Callable[[World], str]:
    def strike(world: World) -> str:
        world.project.restart(service)
        return "restarted the container"

    return strike


FAULTS = (
    Fault("ray-worker scaled to 3", _scale, 60),
    Fault("ray-worker killed", _killed("ray-worker"), 60),
    Fault("redis restarted", _restarted("redis"), 45),
    Fault("camera restarted", _restarted("camera"), 45),
    Fault("ray-head restarted", _restarted("ray-head"), 150),
    Fault("model-worker killed", _killed("model-worker"), 90),
    Fault("longtake killed", _killed("longtake"), 90),
)
