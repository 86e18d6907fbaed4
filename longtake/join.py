"""`longtake head` and `longtake join`: machines become the nodes of a cluster."""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from actors.exporter import LOOPBACK, served
from actors.ray_node import DEFAULT_PORT, NodePlan, RayNode, Role, answers, ray_node, require_free, use_token
from longtake.output import messages
from longtake.stopping import asked_to_stop
from pipeline.errors import EngineError
from pipeline.home import home

if TYPE_CHECKING:
    from actors.identity import Registry

_LOOK_S = 0.5
_RETRY_S, _RETRY_CAP_S = 0.5, 3.0

MetricsPort = Annotated[int, typer.Option(min=0, max=65535, help="Serve this node's metrics here; 0 is off.")]
MetricsHost = Annotated[str, typer.Option(help="Address to serve them on.")]
ObjectStore = Annotated[int, typer.Option(min=80, help="Shared memory for clips, in MiB.")]


class JoinRole(StrEnum):
    """What a node is for."""

    DECODE = "decode"
    MODEL = "model"


def head(
    host: Annotated[str, typer.Option(help="Address under which others reach this machine (default: found).")] = "",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the cluster.")] = DEFAULT_PORT,
    metrics_port: MetricsPort = 0,
    metrics_host: MetricsHost = LOOPBACK,
) -> None:
    """Be the head of a cluster, until Ctrl-C: the node that knows the others. It does no work itself."""
    use_token(required=True)
    require_free(port)
    with (
        asked_to_stop() as stop,
        served(metrics_port, metrics_host, shared=True, role="head", data=home()),
        ray_node(NodePlan(f"{host}:{port}", "head")) as node,
    ):
        wait_until(lambda: answers(f"{host or 'localhost'}:{port}"), node, stop)
        if not stop.is_set():
            messages.print(f"head of a cluster on port {port}; others: longtake join HOST:{port}", highlight=False)
        _watch(node, stop)
        if not stop.is_set():
            raise EngineError(f"Ray has ended: {node.why()}")


def join(
    address: Annotated[str, typer.Argument(help="HOST:PORT of the cluster's head.")],
    role: Annotated[JoinRole | None, typer.Option(help="What this node is for (default: everything).")] = None,
    cpus: Annotated[int | None, typer.Option(min=0, help="Cores it offers to hosts that reserve some.")] = None,
    object_store_mib: ObjectStore = 256,
    metrics_port: MetricsPort = 0,
    metrics_host: MetricsHost = LOOPBACK,
) -> None:
    """Make this machine a node of a cluster, until Ctrl-C; it waits for the head, and for the next one."""
    use_token(required=True)
    name: Role | None = role.value if role else None
    plan = NodePlan(address, name, cpus, object_store_mib * 2**20)
    with asked_to_stop() as stop, served(metrics_port, metrics_host, shared=True, role=name or "all", data=home()):
        while not stop.is_set():
            wait_for_head(address, stop)
            if not stop.is_set():
                _be_node(plan, stop)


def wait_for_head(address: str, stop: threading.Event) -> None:
    """Return when the head answers and this machine may join it, or when told to stop.

    Raises:
        UsageError: this machine differs from the cluster, or has no token for it.
    """
    pause_s, said = _RETRY_S, False
    while not stop.is_set():
        try:
            if answers(address):
                return registry(address).check()
            why = "nobody answers"
        except EngineError as error:
            why = str(error)
        if not said:
            messages.print(f"waiting for the head of the cluster at {address}: {why}", highlight=False)
            said = True
        stop.wait(pause_s)
        pause_s = min(_RETRY_CAP_S, 2 * pause_s)


def _be_node(plan: NodePlan, stop: threading.Event) -> None:
    """Be a node until told to stop, or until the cluster has gone."""
    with ray_node(plan) as node:
        messages.print(f"a node of the cluster at {plan.address}, for {plan.role or 'everything'}", highlight=False)
        _watch(node, stop)
        if not stop.is_set():
            messages.print(f"no longer a node: {node.why()}; joining again", highlight=False)
            stop.wait(_RETRY_S)


def _watch(node: RayNode, stop: threading.Event) -> None:
    while node.alive() and not stop.wait(_LOOK_S):
        pass


def wait_until(holds: Callable[[], bool], node: RayNode, stop: threading.Event) -> None:
    """Wait until something holds; raise where Ray ended before, return where told to stop."""
    while not holds() and not stop.wait(_LOOK_S):
        if not node.alive():
            raise EngineError(f"Ray did not start: {node.why()}")


def registry(address: str) -> "Registry":
    """Return what the head of a cluster knows of it; raises as `Registry` does."""
    from actors.identity import Registry  # Ray loads for seconds; who waits for a head need not wait for that

    return Registry(address)
