"""Keeping one pool of model workers to its size, spread over nodes, and to one numerics profile."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from actors.log import logger
from actors.meter import Load
from actors.model_workers import worker_name
from actors.roster import Roster
from pipeline.control.scale import Bounds, Pool, Scale, rescale
from pipeline.control.settings import ServeSettings


class Fleet(Protocol):
    """Where model workers live. Calls begin things and wait for nothing."""

    def reachable(self) -> tuple[str, ...]:
        """The nodes where workers may be, and that could be reached at the last look."""

    def workers(self) -> set[str]:
        """Workers that exist, whether or not they are well."""

    def start_worker(self, name: str, model: Path, node: str) -> None:
        """Begin to start a worker, on the node if that has what it needs."""

    def stop_worker(self, name: str) -> None:
        """End a worker at once."""

    def loads(self, names: Iterable[str]) -> Mapping[str, Load]:
        """What workers have answered since the last time; those that have are asked again."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is so at one look: the time, what exists, where it may be."""

    now_s: float
    workers: frozenset[str]
    nodes: tuple[str, ...]


class PoolKeeper:
    """Looks after the pool of one model.

    Args:
        fingerprint: of the model.
        bounds: of the pool's size.
    """

    START_S = 300.0  # a worker that has never answered for so long is not waited for any more
    RETRY_S, RETRY_CAP_S = 2.0, 30.0
    SPREAD_S = 20.0  # where nobody wants to live, it is not tried for ever

    def __init__(self, fingerprint: str, fleet: Fleet, roster: Roster, bounds: Bounds, settings: ServeSettings) -> None:
        self._fingerprint = fingerprint
        self._fleet = fleet
        self._roster = roster
        self._bounds = bounds
        self._settings = settings
        self._scale: Scale | None = None
        self._failures = 0
        self._not_before_s = 0.0
        self._spread_s = -self.SPREAD_S
        self._log = logger(model=fingerprint)

    def keep(self, pool: Pool, look: Look) -> Pool:
        """Return the pool as it is to be from now on; what it lacks is started, what fails it is ended."""
        names, numerics = self._alike(pool, [name for name in pool.workers if self._stays(name, look)], look)
        size = self._size(names, look.now_s)
        if len(names) == size and all(self._roster[name].heard_s is not None for name in names):
            self._failures = 0
        return replace(pool, workers=tuple(self._sized(pool, names, size, look)), numerics=numerics)

    def _size(self, names: list[str], now_s: float) -> int:
        before = self._scale or Scale(self._bounds.nearest(len(names)))
        demand = self._roster.demand(names) if len(names) == before.size else None
        self._scale = rescale(before, demand, self._bounds, self._settings.pool, now_s)
        if self._scale.size != before.size:
            self._log.info("pool resized", workers=self._scale.size, before=before.size)
        return self._scale.size

    def _stays(self, name: str, look: Look) -> bool:
        """Whether a worker stays in its pool; one that does not is ended where it might still live."""
        worker = self._roster[name]
        young = worker.ours and look.now_s - worker.since_s < self._settings.lease_s
        if name not in look.workers and not young:
            self._log.warning("model worker is gone", worker=name)
            if worker.ours and worker.heard_s is None:
                self._fail(look.now_s)
            return False
        if worker.node and look.nodes and worker.node not in look.nodes:
            return self._end(name, "its node cannot be reached")
        if worker.silent_s(look.now_s) > (self.START_S if worker.heard_s is None else self._settings.start_s):
            return self._end(name, "it does not answer")
        return True

    def _alike(self, pool: Pool, names: list[str], look: Look) -> tuple[list[str], str]:
        """Let only one numerics profile compute: the pool's, or where nobody has that, the first that is seen."""
        profiles = {name: load.numerics for name in names if (load := self._roster[name].load)}
        if not profiles:
            return names, pool.numerics
        numerics = pool.numerics if pool.numerics in profiles.values() else next(iter(profiles.values()))
        odd = {name for name, profile in profiles.items() if profile != numerics}
        for name in sorted(odd):
            self._log.error("another numerics profile", worker=name, profile=profiles[name], wanted=numerics)
            self._end(name, "it would answer otherwise than the others")
            self._fail(look.now_s)
        return [name for name in names if name not in odd], numerics

    def _sized(self, pool: Pool, names: list[str], size: int, look: Look) -> list[str]:
        """The members, without those that are too many, and with what was started for those that are missing.

        Who leaves ends later, as a stray: when it has had nothing to do for a while. Nobody leaves while others load.
        """
        loading = any(self._roster[name].load is None for name in names)
        if len(names) > size and not loading:
            leaving = sorted(names, key=partial(self._leaves_late, names))[: len(names) - size]
            return [name for name in names if name not in leaving]
        while len(names) < size and look.nodes and look.now_s >= self._not_before_s:
            names = [*names, self._start(pool, names, look)]
        if len(names) == size > 1 and not loading and self._huddled(names, look):
            self._spread_s = look.now_s
            names = [*names, self._start(pool, names, look)]
        return names

    def _leaves_late(self, company: list[str], name: str) -> tuple[int, int]:
        """Sorts first who has most company on its node, and the least to do."""
        worker = self._roster[name]
        return -self._roster.crowd(company, worker.node), worker.load.under_way if worker.load else 0

    def _huddled(self, names: list[str], look: Look) -> bool:
        """All workers are on one node although there are others: its death would leave none."""
        alone = len({self._roster[name].node for name in names}) == 1 and len(look.nodes) > 1
        return alone and look.now_s - self._spread_s > self.SPREAD_S

    def _start(self, pool: Pool, company: list[str], look: Look) -> str:
        """Start a worker where the pool has the fewest."""
        name = worker_name(self._fingerprint)
        node = min(look.nodes, key=lambda one: (self._roster.crowd(company, one), random.random()))
        self._log.info("start model worker", worker=name, node=node)
        self._roster.started(name, node, look.now_s)
        self._fleet.start_worker(name, Path(pool.model), node)
        return name

    def _end(self, name: str, why: str) -> bool:
        self._log.warning("model worker ended", worker=name, why=why)
        self._fleet.stop_worker(name)
        return False

    def _fail(self, now_s: float) -> None:
        """A worker that dies before it answers, or may not, is not started again at once."""
        self._failures += 1
        self._not_before_s = now_s + min(self.RETRY_CAP_S, self.RETRY_S * 2.0 ** (self._failures - 1))
