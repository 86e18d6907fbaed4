"""The nodes of a Ray cluster that can be reached."""

import socket
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray

from actors.ray_node import ROLE_LABEL, Role


class Nodes:
    """Ray's own table shows a dead node as alive for a quarter of a minute; a connection to its raylet tells at once.

    A raylet that was killed refuses, a machine that vanished stays silent. One miss may be chance, so two count.
    """

    PROBE_S = 0.5
    MISSES = 2
    EVERY_S = 0.5

    def __init__(self) -> None:
        self._here = ray.get_runtime_context().get_node_id()
        self._misses: dict[str, int] = {}
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="probe")
        self._reachable: list[dict[str, Any]] = []
        self._looked_s = 0.0

    def look(self) -> list[dict[str, Any]]:
        """Ray's entries of the nodes that can be reached; as slow as the slowest probe, twice a second at most."""
        if time.monotonic() - self._looked_s < self.EVERY_S:
            return self._reachable
        alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        answers = self._threads.map(self._answers, alive)
        misses = {
            node["NodeID"]: 0 if there else self._misses.get(node["NodeID"], 0) + 1
            for node, there in zip(alive, answers, strict=True)
        }
        self._misses = misses
        self._reachable = [node for node in alive if misses[node["NodeID"]] < self.MISSES]
        self._looked_s = time.monotonic()
        return self._reachable

    def for_hosts(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Ids of the nodes where hosts may be, as of a look now: those that decode and have these labels."""
        return _ids(node for node in self.look() if _is_for("decode", node) and labels.items() <= _labels(node).items())

    def for_workers(self) -> tuple[str, ...]:
        """Ids of the nodes where model workers may be, as of the last look: those with GPUs, where any has."""
        able = [node for node in self._reachable if _is_for("model", node)]
        return _ids([node for node in able if node.get("Resources", {}).get("GPU")] or able)

    def _answers(self, node: dict[str, Any]) -> bool:
        if node["NodeID"] == self._here:
            return True
        try:
            with socket.create_connection((node["NodeManagerAddress"], node["NodeManagerPort"]), self.PROBE_S):
                return True
        except OSError:
            return False


def _ids(nodes: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(node["NodeID"] for node in nodes))


def _labels(node: dict[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = node.get("Labels", {})
    return labels


def _is_for(role: Role, node: dict[str, Any]) -> bool:
    """A node without a role, as Ray's own command makes it, is for everything."""
    return _labels(node).get(ROLE_LABEL, role) == role
