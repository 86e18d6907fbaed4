"""The Ray engine: stream actors and model workers on this machine or a cluster, driving the same lane as inline."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayError

from actors.model_workers import runtime_env, start_workers
from actors.settings import RaySettings
from actors.start import actor_class, first_line, start
from actors.stream import Company, StreamActor
from pipeline.errors import EngineError
from pipeline.flow import FlowSettings, Job, Report
from pipeline.tally import Progress

Watch = Callable[[list[Progress]], None]


class RayEngine:
    """A context manager; leaving it ends the actors, and Ray where it was started here.

    Raises:
        EngineError: Ray or the model workers could not be started.
    """

    POLL_S = 0.2

    def __init__(
        self, model: Path, store: str | None, home: Path, settings: FlowSettings, ray_settings: RaySettings
    ) -> None:
        self._model = model
        self._store = store
        self._home = home
        self._settings = settings
        self._ray = ray_settings
        self._workers: dict[str, Any] = {}
        self._streams: list[Any] = []

    def __enter__(self) -> Self:
        try:
            start(self._ray)
            self._workers = start_workers(self._model, self._ray)
            numerics = set(ray.get([worker.numerics.remote() for worker in self._workers.values()]))
        except RayError as error:
            self._end()
            raise EngineError(f"the model workers did not start: {first_line(error)}") from error
        if len(numerics) > 1:
            self._end()
            raise EngineError(f"the model workers compute under different numerics profiles: {sorted(numerics)}")
        (self.numerics,) = numerics
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, jobs: Sequence[Job], watch: Watch) -> list[Report]:
        """Run all jobs to their end; `watch` is told of the progress several times a second.

        A `KeyboardInterrupt` stops the streams cleanly and the reports say so.
        """
        parts = _parts(jobs, self._ray.streams_per_actor)
        self._streams = [self._start_streams(len(part)) for part in parts]
        hosted = [_Hosted(actor, job) for actor, part in zip(self._streams, parts, strict=True) for job in part]
        while waiting := [run.call for run in hosted if run.report is None]:
            try:
                ready, _ = ray.wait(waiting, num_returns=len(waiting), timeout=self.POLL_S)
                for run in hosted:
                    if run.call in ready:
                        run.collect()
                watch(self._progress())
            except KeyboardInterrupt:
                for actor in self._streams:
                    actor.stop.remote()
        self._end_streams()
        return [run.report for run in hosted if run.report is not None]

    def pids(self) -> dict[str, list[int]]:
        """Processes by role."""
        return {
            "model worker": ray.get([worker.pid.remote() for worker in self._workers.values()]),
            "stream actor": ray.get([actor.pid.remote() for actor in self._streams]),
        }

    def _progress(self) -> list[Progress]:
        calls = [actor.progress.remote() for actor in self._streams]
        ready, _ = ray.wait(calls, num_returns=len(calls), timeout=self.POLL_S)
        return [progress for call in ready for progress in _or_nothing(call)]

    def _start_streams(self, count: int) -> Any:
        actor = actor_class(StreamActor).options(
            num_cpus=0, max_restarts=-1, max_concurrency=count + 3, runtime_env=runtime_env()
        )
        company = Company(tuple(self._workers), self.numerics, self._ray.hedge_s)
        return actor.remote(str(self._model), company, self._store, str(self._home), self._settings)

    def _end_streams(self) -> None:
        for actor in self._streams:
            _or_nothing(actor.close.remote())
            ray.kill(actor)
        self._streams = []

    def _end(self) -> None:
        self._end_streams()
        for worker in self._workers.values():
            ray.kill(worker)
        if self._ray.address is None:
            ray.shutdown()


class _Hosted:
    """A stream in the actor that hosts it; when the actor dies the stream goes on in its successor."""

    LIVES = 4  # a video that kills its decoder every time must not do so for ever
    RESTART_S = 120.0

    def __init__(self, actor: Any, job: Job) -> None:
        self._actor = actor
        self._job = job
        self._deaths = 0
        self.call = actor.run.remote(job)
        self.report: Report | None = None

    def collect(self) -> None:
        """Take the answer of a call that is done, or make the call again."""
        try:
            self.report = ray.get(self.call)
        except RayError as error:
            self._deaths += 1
            if self._deaths < self.LIVES and self._restarted():
                self.call = self._actor.run.remote(self._job)
            else:
                sentence = f"the stream actor died {self._deaths} times: {first_line(error)}"
                self.report = Report(self._job.stream, "failed", error=sentence, exit_code=1)

    def _restarted(self) -> bool:
        try:
            ray.get(self._actor.pid.options(max_task_retries=-1).remote(), timeout=self.RESTART_S)
        except RayError:
            return False
        return True


def _parts(jobs: Sequence[Job], size: int) -> list[Sequence[Job]]:
    return [jobs[first : first + size] for first in range(0, len(jobs), size)]


def _or_nothing(call: Any) -> Any:
    """The answer of a call whose actor may be gone."""
    try:
        return ray.get(call, timeout=5) or ()
    except RayError:
        return ()
