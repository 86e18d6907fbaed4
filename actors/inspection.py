"""What can be said of a Ray cluster from one of its nodes: who is there, what runs there, and by which clock."""

import time
from dataclasses import dataclass
from typing import Any

import psutil
import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.identity import Registry
from actors.ray_node import ROLE_LABEL, versions
from actors.settings import RaySettings
from actors.start import first_line, start
from pipeline.errors import EngineError

_START_S, _TASK_S = 60.0, 10.0  # a node's first task starts a process
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node.

    Attributes:
        address: of the node.
        role: what it is for; empty is everything.
        versions: what runs there, by name.
        skew_s: its clock minus this machine's, to half of `round_s`.
        round_s: the quickest of some questions and answers.
        silent: why it did not answer; the rest is unknown then.
    """

    address: str
    role: str
    cpus: int
    gpus: int
    versions: dict[str, str]
    skew_s: float = 0.0
    round_s: float = 0.0
    silent: str = ""


def inspect(settings: RaySettings) -> list[NodeFacts]:
    """Ask every node of the cluster at `settings.address`; or start Ray on this machine, ask it, and end it.

    Raises:
        UsageError: the cluster is of another longtake, Ray, Python or model, or refuses this machine.
        EngineError: it cannot be reached or started, or this machine is none of its nodes.
    """
    if settings.address is not None:
        _require_node(settings.address)
    try:
        start(settings)
        nodes = [(node, _task(node)) for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        first = [task.remote() for _, task in nodes]
        there, _ = ray.wait(first, num_returns=len(first), timeout=_START_S)
        return [_facts(*one, call in there) for one, call in zip(nodes, first, strict=True)]
    except (RayError, ConnectionError, RuntimeError) as error:
        raise EngineError(f"Ray did not start: {first_line(error)}") from error
    finally:
        ray.shutdown()


def _require_node(address: str) -> None:
    cluster = Registry(address)
    cluster.check()
    ours = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    if not cluster.addresses() & ours:
        raise EngineError(f"this machine is no node of the cluster at {address}; only from one can the others be seen")


def _task(node: dict[str, Any]) -> Any:
    """What is asked of a node, and is answered there and nowhere else."""
    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return ray.remote(_clock_and_versions).options(num_cpus=0, max_retries=0, scheduling_strategy=where)


def _facts(node: dict[str, Any], task: Any, there: bool) -> NodeFacts:
    labels, resources = node.get("Labels", {}), node.get("Resources", {})
    known: dict[str, Any] = {
        "address": node["NodeManagerAddress"],
        "role": labels.get(ROLE_LABEL, ""),
        "cpus": int(resources.get("CPU", 0)),
        "gpus": int(resources.get("GPU", 0)),
    }
    if not there:
        return NodeFacts(**known, versions={}, silent=f"no answer within {_START_S:g} s")
    try:
        rounds = [_bracketed(task) for _ in range(_ROUNDS)]
    except (RayError, GetTimeoutError) as error:
        return NodeFacts(**known, versions={}, silent=first_line(error))
    round_s, skew_s, found = min(rounds, key=lambda one: one[0])
    return NodeFacts(**known, versions=found, skew_s=skew_s, round_s=round_s)


def _bracketed(task: Any) -> tuple[float, float, dict[str, str]]:
    """Seconds a question took, how far the other clock is ahead of ours halfway, and what runs there."""
    before_s, begun_s = time.time(), time.monotonic()
    told_s, found = ray.get(task.remote(), timeout=_TASK_S)
    round_s = time.monotonic() - begun_s
    return round_s, told_s - (before_s + round_s / 2), found


def _clock_and_versions() -> tuple[float, dict[str, str]]:
    return time.time(), versions()
