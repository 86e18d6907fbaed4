"""The host as a Ray actor: a process that decodes several streams and drives their lanes. It never imports torch."""

import os
import threading
from pathlib import Path

import ray
from ray.exceptions import RayError

from actors.hosting import Host
from actors.log import logger
from actors.metrics import PrometheusHooks
from actors.model_workers import find_workers
from actors.pool import RayPool
from actors.settings import Setup
from actors.start import first_line
from actors.stores import open_patiently
from actors.threads import vital
from pipeline.clock import SystemClock
from pipeline.control.board import Board
from pipeline.control.wish import Wish, check_kind
from pipeline.errors import EngineError, StoreError
from pipeline.flow import Job, Serving, StreamRun
from pipeline.models.card import load_card, resolve


class HostActor:
    """Detached and named: it outlives the supervisor that started it, and the next one finds it.

    Args:
        name: of the host.
        node: where it runs, as the supervisor calls it.
    """

    def __init__(self, name: str, node: str, setup: Setup) -> None:
        self._log = logger(host=name)
        self._setup = setup
        self._store = open_patiently(setup.store, Path(setup.home))
        self._board = Board(self._store)
        self._models = Models()
        self._hooks = PrometheusHooks()
        self._host = Host(name, node, self._board, self._run_of, setup.serve)
        self._stop = threading.Event()
        self._heart = vital("heartbeat", self._beat_for_ever, self._log)

    def assign(self, wish: Wish) -> None:
        """Begin to run a stream."""
        self._log.info("assigned", stream=wish.stream, generation=wish.generation)
        self._host.assign(wish)

    def release(self, stream: str) -> None:
        """Begin to stop a stream."""
        self._log.info("released", stream=stream)
        self._host.release(stream)

    def streams(self) -> dict[str, int]:
        """What the host has in hand: generation by stream."""
        return self._host.streams()

    def pid(self) -> int:
        """The host's process."""
        return os.getpid()

    def close(self) -> bool:
        """Stop every stream, tell the board and leave the store; False if a stream did not stop in time."""
        self._stop.set()
        self._heart.join(self._setup.serve.stop_s)
        try:
            return self._host.close(self._setup.serve.stop_s)
        finally:
            self._store.close()

    def _beat_for_ever(self) -> None:
        """A period apart, or at once when a run ends; a store that is away is tried again."""
        while not self._stop.is_set():
            try:
                self._host.beat()
            except StoreError as error:
                self._log.warning("not heard", error=str(error))
            self._host.wait(self._setup.serve.period_s)

    def _run_of(self, wish: Wish) -> StreamRun:
        uri = wish.resolved_uri(os.environ)
        check_kind(uri, self._setup.serve.allowed_schemes)  # what a variable stood for was not seen before
        job = Job(
            wish.stream, uri, wish.start_time_s, live=True, policy=wish.policy, fps=wish.fps, realtime=wish.realtime
        )
        serving = self._models.serving(resolve(wish.model or self._setup.model))
        return StreamRun(job, serving, self._store, self._setup.flow, self._hooks, SystemClock())


class Models:
    """The models of this host's streams, each looked up once."""

    START_S = 300.0

    def __init__(self) -> None:
        self._known: dict[Path, Serving] = {}
        self._lock = threading.Lock()

    def serving(self, directory: Path) -> Serving:
        """Return who serves a model; waits until it is loaded.

        Raises:
            ModelError: the directory holds no model.
            EngineError: nobody serves it, or its workers do not compute alike.
        """
        with self._lock:
            if directory not in self._known:
                self._known[directory] = self._found(directory)
            return self._known[directory]

    def _found(self, directory: Path) -> Serving:
        card, workers = load_card(directory), find_workers(directory)
        if not workers:
            raise EngineError(f"no model worker serves {card.name!r} yet")
        try:
            numerics = set(ray.get([worker.numerics.remote() for worker in workers], timeout=self.START_S))
        except RayError as error:
            raise EngineError(f"the workers of model {card.name!r} do not answer: {first_line(error)}") from error
        if len(numerics) > 1:
            raise EngineError(
                f"the workers of model {card.name!r} compute under different profiles: {sorted(numerics)}"
            )
        return Serving(card, RayPool(workers), numerics.pop())
