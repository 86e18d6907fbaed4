"""Hosts as detached, named Ray actors, and the model workers they need."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors import pictures
from actors.host import HostActor
from actors.model_workers import runtime_env, usual_count
from actors.named import found, names
from actors.nodes import Nodes
from actors.pools import Pools
from actors.ray_fleet import RayFleet
from actors.settings import Setup
from actors.start import NAMESPACE, actor_class
from actors.supervisor_metrics import hide_pool, show_pool
from pipeline.control.board import Board
from pipeline.control.wish import Wish
from pipeline.errors import LongtakeError
from pipeline.models.card import CARD_FILE, ModelCard, load_card, resolve

_PREFIX = "host-"


class RayCluster:
    """The `Cluster` of a supervisor that is connected to Ray; see there for what its methods promise.

    A host's actor is never restarted by Ray: who takes over its streams is the supervisor's choice.
    """

    def __init__(self, setup: Setup, board: Board) -> None:
        self._setup = setup
        self._nodes = Nodes()
        fleet = RayFleet(setup.ray, self._nodes.for_workers)
        self._pools = Pools(board, fleet, setup.serve, usual_count(setup.ray))
        self._cards: dict[tuple[Path, int], ModelCard] = {}
        self._shown: set[str] = set()

    def nodes(self) -> tuple[str, ...]:
        return self._nodes.for_hosts(self._setup.serve.host_labels)

    def hosts(self) -> set[str]:
        return names(_PREFIX)

    def start_host(self, name: str, node: str) -> None:
        actor = actor_class(HostActor, {pictures.GROUP: pictures.AT_ONCE}).options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            num_cpus=self._setup.serve.host_cpus,
            max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            runtime_env=runtime_env(),
        )
        actor.remote(name, node, self._setup)

    def stop_host(self, name: str) -> None:
        if (host := found(name)) is not None:
            ray.kill(host)

    def check_model(self, model: str) -> None:
        self._card(model)

    def serve_models(self, models: Iterable[str], now_s: float) -> None:
        wished = {}
        for model in {"", *models}:
            with suppress(LongtakeError):  # whoever wished for it is told when the stream is to run
                wished[self._card(model).fingerprint] = Path(model or self._setup.model)
        pools = {Path(pool.model).name: pool for pool in self._pools.step(wished, now_s).values()}
        for name, pool in pools.items():
            show_pool(name, len(pool.workers), self._pools.waiting(pool))
        for name in self._shown - set(pools):
            hide_pool(name)
        self._shown = set(pools)

    def assign(self, host: str, wish: Wish) -> None:
        if (actor := found(host)) is not None:
            actor.assign.remote(wish)

    def change(self, host: str, wish: Wish) -> None:
        if (actor := found(host)) is not None:
            actor.change.remote(wish)

    def release(self, host: str, stream: str) -> None:
        if (actor := found(host)) is not None:
            actor.release.remote(stream)

    def close_hosts(self) -> None:
        """Let every host stop its streams and leave, then end them; waits for it."""
        hosts = [host for name in sorted(self.hosts()) if (host := found(name)) is not None]
        calls = [host.close.remote() for host in hosts]
        ray.wait(calls, num_returns=len(calls), timeout=2 * self._setup.serve.stop_s)
        for host in hosts:
            ray.kill(host)

    def _card(self, model: str) -> ModelCard:
        """Reading a card takes all of the weights, so it is read once for each version of its file."""
        directory = resolve(model or self._setup.model)
        card = directory / CARD_FILE
        version = directory, card.stat().st_mtime_ns if card.exists() else 0
        if version not in self._cards:
            self._cards[version] = load_card(directory)
        return self._cards[version]
