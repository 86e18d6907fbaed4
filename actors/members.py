"""The workers of one model as a host has them: each joins the pool when it has said how it computes."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from actors.dispatch import Worker
from actors.log import logger
from actors.pool import RayPool
from actors.start import first_line
from pipeline.control.scale import Pool
from pipeline.errors import EngineError

Find = Callable[[str], Worker | None]


class Members:
    """Keeps a pool to what the board says, without ever waiting for a worker.

    A worker that computes under another numerics profile than the board's is refused: its answers would differ.

    Args:
        model: its name, for messages.
        find: returns a worker by name, or None where there is none of that name.
    """

    def __init__(self, model: str, pool: RayPool, find: Find) -> None:
        self._model = model
        self._pool = pool
        self._find = find
        self._log = logger(model=model)
        self._changed = threading.Condition()
        self._known: dict[str, Worker] = {}  # asked how they compute, or joined
        self._joined: dict[str, Worker] = {}
        self._failed: dict[str, str] = {}
        self.numerics = ""
        """Digest of the profile of all members; empty until the board tells."""

    def update(self, record: Pool) -> None:
        """Take in who is new on the board and let go who left it.

        Raises:
            EngineError: the model is now served under another profile; this pool is closed.
        """
        if self.numerics and record.numerics != self.numerics:
            self._pool.close(f"model {self._model!r} is served under another numerics profile now")
            raise EngineError(f"the workers of model {self._model!r} compute under another profile than before")
        self.numerics = record.numerics
        if not record.numerics:
            return
        with self._changed:
            wanted = set(record.workers)
            for table in (self._known, self._joined, self._failed):
                for name in set(table) - wanted:
                    del table[name]
            new = [name for name in record.workers if name not in self._known]
            self._pool.change(dict(self._joined))
        for name in new:
            self._invite(name)

    def wait(self, timeout_s: float) -> bool:
        """Wait until a worker has joined; False if none did.

        Raises:
            EngineError: every worker there is has failed.
        """
        with self._changed:
            if not self._joined and self._failed and set(self._failed) == set(self._known):
                why = next(iter(self._failed.values()))
                raise EngineError(f"the workers of model {self._model!r} do not answer: {why}")
            return bool(self._joined) or self._changed.wait_for(lambda: bool(self._joined), timeout_s)

    def _invite(self, name: str) -> None:
        worker = self._find(name)
        if worker is None:
            return  # not born yet, or dead: the board is looked at again soon
        with self._changed:
            self._known[name] = worker
        worker.call("numerics", (), True).add_done_callback(partial(self._answered, name, worker))

    def _answered(self, name: str, worker: Worker, call: "Future[Any]") -> None:
        error = call.exception()
        with self._changed:
            if self._known.get(name) is not worker:
                return  # it left meanwhile
            if error is not None:
                self._failed[name] = first_line(error)
            elif call.result() != self.numerics:
                self._failed[name] = f"{name} computes under another numerics profile"
                self._log.error("worker refused: another numerics profile", worker=name, profile=call.result())
            else:
                self._failed.pop(name, None)
                self._joined[name] = worker
                self._pool.change(dict(self._joined))
            self._changed.notify_all()
