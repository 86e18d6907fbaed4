"""The host as a Ray actor: a process that decodes several streams and drives their lanes. It never imports torch."""

import os
import threading
from pathlib import Path

from actors.hosting import Host, Run
from actors.last_pictures import LastPictures
from actors.log import logger
from actors.metrics import PrometheusHooks
from actors.models import Models
from actors.named import found
from actors.pictures import Picture
from actors.pool import RayWorker
from actors.settings import Setup
from actors.store_metrics import StoreWatch, timed
from actors.stores import open_patiently
from actors.threads import vital
from actors.tracing import tracing
from pipeline.clock import SystemClock
from pipeline.control.board import Board
from pipeline.control.wish import Wish, check_kind
from pipeline.errors import StoreError
from pipeline.flow import Job, StreamRun
from pipeline.hooks import Fanout
from pipeline.models.card import resolve

_NEXT_FRAME_S = 0.5


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
        self._watch = StoreWatch(self._store)
        self._models = Models(self._board.pools, _worker, setup.ray.hedge_s)
        self._pictures = LastPictures()
        self._hooks = Fanout(PrometheusHooks(), tracing("lane"), self._pictures)
        self._host = Host(name, node, self._board, self, setup.serve)
        self._stop = threading.Event()
        self._heart = vital("heartbeat", self._beat_for_ever, self._log)

    def assign(self, wish: Wish) -> None:
        """Begin to run a stream."""
        self._log.info("assigned", stream=wish.stream, generation=wish.generation)
        self._host.assign(wish)

    def change(self, wish: Wish) -> None:
        """Begin to run a stream as it is wished for now."""
        self._host.change(wish)

    def release(self, stream: str) -> None:
        """Begin to stop a stream."""
        self._log.info("released", stream=stream)
        self._host.release(stream)

    def streams(self) -> dict[str, int]:
        """What the host has in hand: generation by stream."""
        return self._host.streams()

    def picture(self, stream: str) -> Picture | None:
        """What a stream shows now; None where the host does not run it, or it has shown nothing yet."""
        shot = self._pictures.take(stream, _NEXT_FRAME_S) if stream in self._host.streams() else None
        return None if shot is None else Picture(shot.jpeg(), shot.at_s)

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
            self._hooks.close()
            self._store.close()

    def _beat_for_ever(self) -> None:
        """A period apart, or at once when a run ends; a store that is away is tried again."""
        while not self._stop.is_set():
            try:
                with timed("beat"):
                    self._host.beat()
                self._models.update()
                self._watch.look()
            except StoreError as error:
                self._watch.away()
                self._log.warning("not heard", error=str(error))
            self._host.wait(self._setup.serve.period_s)

    def swap(self, run: Run, wish: Wish) -> bool:
        """Let a run go on under the model of a wish; False where that takes another run."""
        assert isinstance(run, StreamRun)
        swapped = run.swap(self._models.serving(resolve(wish.model or self._setup.model)))
        self._log.info("swapped" if swapped else "not swapped", stream=wish.stream, generation=wish.generation)
        return swapped

    def run_of(self, wish: Wish) -> StreamRun:
        """Build the run of a wish."""
        uri = wish.resolved_uri(os.environ)
        check_kind(uri, self._setup.serve.allowed_schemes)  # what a variable stood for was not seen before
        job = Job(
            wish.stream, uri, wish.start_time_s, live=True, policy=wish.policy, fps=wish.fps, realtime=wish.realtime
        )
        serving = self._models.serving(resolve(wish.model or self._setup.model))
        return StreamRun(job, serving, self._store, self._setup.flow, self._hooks, SystemClock())


def _worker(name: str) -> RayWorker | None:
    handle = found(name)
    return None if handle is None else RayWorker(handle)
