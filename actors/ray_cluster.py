"""Hosts as detached, named Ray actors."""

from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.host import HostActor
from actors.model_workers import runtime_env, serve_model
from actors.settings import Setup
from actors.start import NAMESPACE
from pipeline.control.wish import Wish
from pipeline.models.card import resolve

_PREFIX = "host-"


class RayCluster:
    """The `Cluster` of a supervisor that is connected to Ray; see there for what its methods promise.

    A host's actor is never restarted by Ray: who takes over its streams is the supervisor's choice.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._metrics = Path(setup.metrics) if setup.metrics else None
        self._served: set[Path] = set()

    def nodes(self) -> tuple[str, ...]:
        wanted = self._setup.serve.host_labels.items()
        alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        return tuple(sorted(node["NodeID"] for node in alive if wanted <= node.get("Labels", {}).items()))

    def hosts(self) -> set[str]:
        known = ray.util.list_named_actors(all_namespaces=True)
        ours = (one["name"] for one in known if one["namespace"] == NAMESPACE)
        return {name for name in ours if name.startswith(_PREFIX)}

    def start_host(self, name: str, node: str) -> None:
        actor = ray.remote(HostActor).options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            num_cpus=self._setup.serve.host_cpus,
            max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            runtime_env=runtime_env(self._metrics),
        )
        actor.remote(name, node, self._setup)

    def stop_host(self, name: str) -> None:
        if (host := _found(name)) is not None:
            ray.kill(host)

    def serve_model(self, model: str) -> None:
        directory = resolve(model or self._setup.model)
        if directory not in self._served:
            serve_model(directory, self._setup.ray, self._metrics)
            self._served.add(directory)

    def assign(self, host: str, wish: Wish) -> None:
        if (actor := _found(host)) is not None:
            actor.assign.remote(wish)

    def release(self, host: str, stream: str) -> None:
        if (actor := _found(host)) is not None:
            actor.release.remote(stream)

    def close_hosts(self) -> None:
        """Let every host stop its streams and leave, then end them; waits for it."""
        hosts = [host for name in sorted(self.hosts()) if (host := _found(name)) is not None]
        calls = [host.close.remote() for host in hosts]
        ray.wait(calls, num_returns=len(calls), timeout=2 * self._setup.serve.stop_s)
        for host in hosts:
            ray.kill(host)


def _found(name: str) -> Any:
    """The handle of a host, or None where it is gone: its streams are lost with it, and found again by their leases."""
    try:
        return ray.get_actor(name, NAMESPACE)
    except (ValueError, RayError):
        return None
