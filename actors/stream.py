"""The stream actor: decodes several streams and drives their lanes. It never imports torch."""

import os
from dataclasses import dataclass
from pathlib import Path

import ray

from actors.metrics import PrometheusHooks
from actors.pool import RayPool, RayWorker
from actors.settings import RaySettings
from actors.stores import open_patiently
from actors.tracing import tracing
from pipeline.clock import SystemClock
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Fanout
from pipeline.models.card import load_card
from pipeline.tally import Progress, Tally


@dataclass(frozen=True, slots=True)
class Company:
    """The model workers of a run.

    Attributes:
        names: of their actors.
        numerics: digest of the profile all of them compute under.
        hedge_s: how long a worker may be silent before others are asked.
    """

    names: tuple[str, ...]
    numerics: str
    hedge_s: float = RaySettings().hedge_s


class StreamActor:
    """Hosts the streams it is given, each in a thread of its own (the actor's concurrency bounds how many).

    Args:
        model: directory of the model; only its card is read.
        company: the model workers, who all live as long as the run.
        store: URL of the timeline store, or None for the embedded one.
        home: longtake's data folder.
    """

    def __init__(self, model: str, company: Company, store: str | None, home: str, settings: FlowSettings) -> None:
        workers = {name: RayWorker(ray.get_actor(name)) for name in company.names}
        pool = RayPool(workers, company.hedge_s, steady=True)
        self._serving = Serving(load_card(Path(model)), pool, company.numerics)
        self._store = open_patiently(store, Path(home))
        self._settings = settings
        self._tally = Tally()
        self._hooks = Fanout(self._tally, PrometheusHooks(), tracing("lane"))
        self._runs: dict[str, StreamRun] = {}

    def run(self, job: Job) -> Report:
        """Run one stream to its end; called again after a crash, it goes on from the last commit."""
        run = StreamRun(job, self._serving, self._store, self._settings, self._hooks, SystemClock())
        self._runs[job.stream] = run
        return run.run()

    def stop(self) -> None:
        """Ask every stream to stop after the frame it is at."""
        for run in list(self._runs.values()):
            run.stop()

    def progress(self) -> list[Progress]:
        """How far every stream is."""
        return self._tally.progress()

    def pid(self) -> int:
        """The actor's process."""
        return os.getpid()

    def close(self) -> None:
        """Leave the store."""
        self._hooks.close()
        self._store.close()
