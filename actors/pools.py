"""The pools of model workers, one for each model that is wished for, as the supervisor looks after them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from actors.log import logger
from actors.pool_keeper import Fleet, Look, PoolKeeper
from actors.roster import Roster
from pipeline.control.board import Board
from pipeline.control.scale import Bounds, Pool
from pipeline.control.settings import ServeSettings


class Pools:
    """One look after another (`step`); what is remembered between two may be lost at any time.

    Who serves a model is what the board says. A worker that exists and is on no list, because it was taken off or the
    supervisor that started it died, is a stray: it is ended when it has had nothing to do for longer than a lease. A
    pool whose model nobody wishes for any more, and that has answered nothing for a minute, is ended the same way.

    Args:
        usual: workers of a pool where the settings name no `min`.
    """

    UNUSED_S = 60.0

    def __init__(self, board: Board, fleet: Fleet, settings: ServeSettings, usual: int) -> None:
        self._board = board
        self._fleet = fleet
        self._settings = settings
        self._bounds = Bounds.of(settings.pool, usual)
        self._roster = Roster()
        self._keepers: dict[str, PoolKeeper] = {}
        self._used_s: dict[str, float] = {}
        self._log = logger(supervisor="pools")

    def step(self, wished: Mapping[str, Path], now_s: float) -> dict[str, Pool]:
        """Look after every pool once; return them by fingerprint.

        Args:
            wished: directories of the models that are to be served, by fingerprint.

        Raises:
            StoreError: the board cannot be read or written; the next step begins afresh.
        """
        look = Look(now_s, frozenset(self._fleet.workers()), self._fleet.reachable())
        stored = self._board.pools()
        pools = stored | {
            fingerprint: replace(stored.get(fingerprint, Pool("")), model=str(model))
            for fingerprint, model in wished.items()
        }
        listed = {name for pool in pools.values() for name in pool.workers}
        self._roster.see(look.workers | listed, now_s)
        self._listen(look, pools)
        kept = {
            fingerprint: self._keeper(fingerprint).keep(pool, look)
            for fingerprint, pool in pools.items()
            if fingerprint in wished or not self._unused(fingerprint, now_s)
        }
        for fingerprint, pool in kept.items():
            if pool != stored.get(fingerprint):
                self._board.set_pool(fingerprint, pool)
        self._end_strays(look, {name for pool in kept.values() for name in pool.workers})
        return kept

    def waiting(self, pool: Pool) -> int:
        """Requests that wait in a pool, as its workers said last."""
        loads = (self._roster[name].load for name in pool.workers)
        return sum(load.waiting for load in loads if load)

    def _listen(self, look: Look, pools: Mapping[str, Pool]) -> None:
        loads = self._fleet.loads(look.workers)
        worked = {name for name, load in loads.items() if self._roster[name].says(load, look.now_s)}
        for fingerprint, pool in pools.items():
            if fingerprint not in self._used_s or worked & set(pool.workers):
                self._used_s[fingerprint] = look.now_s

    def _keeper(self, fingerprint: str) -> PoolKeeper:
        if fingerprint not in self._keepers:
            self._keepers[fingerprint] = PoolKeeper(
                fingerprint, self._fleet, self._roster, self._bounds, self._settings
            )
        return self._keepers[fingerprint]

    def _unused(self, fingerprint: str, now_s: float) -> bool:
        """End a pool that nobody needs any more; True if it was ended."""
        if now_s - self._used_s[fingerprint] <= self.UNUSED_S:
            return False
        self._log.info("pool ended: nobody uses its model", model=fingerprint)
        self._board.set_pool(fingerprint, None)
        self._keepers.pop(fingerprint, None)
        del self._used_s[fingerprint]
        return True

    def _end_strays(self, look: Look, listed: set[str]) -> None:
        for name in sorted(look.workers - listed):
            worker = self._roster[name]
            idle = worker.idle_for_s(look.now_s) > self._settings.lease_s
            if idle or worker.silent_s(look.now_s) > self._settings.start_s:
                self._log.info("model worker ended: it is in no pool and has nothing to do", worker=name)
                self._fleet.stop_worker(name)
