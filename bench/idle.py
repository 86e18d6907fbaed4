"""longtake with a model that computes nothing: what remains is its own work per clip."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.ours import span
from bench.parts import watch
from bench.task import ClipDigest, Result, Task, median
from pipeline.clock import SystemClock
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.models.batcher import Batcher
from pipeline.models.card import load_card
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.timeline.store import TimelineStore
from pipeline.values import Float32Array, UInt8Array

FEATURES, STATE = 384, 128  # of the default model
PASSES = 3
CORES = os.cpu_count() or 1


class IdleWorker:
    """Answers like a model worker, at once and with zeros."""

    encode_bucket, remember_bucket = 1, 16

    def __init__(self, labels: int, witness: bool = False) -> None:
        self._labels = labels
        self.digest = ClipDigest() if witness else None

    def encode(self, clips: Sequence[UInt8Array]) -> list[Float32Array]:
        if self.digest:
            for clip in clips:
                self.digest.add(clip)
        return [np.zeros(FEATURES, np.float32) for _ in clips]

    def remember(self, requests: Sequence[RememberRequest]) -> list[Remembered]:
        state = np.zeros(STATE, np.float32)
        return [Remembered(np.zeros((len(one.features), self._labels), np.float32), state) for one in requests]


def overhead_inline(task: Task) -> Result:
    """The inline engine's flow over an idle worker, against decoding alone."""
    from pipeline.inline import InlinePool

    card = load_card(Path(task.model))
    pool = InlinePool(IdleWorker(len(card.labels)), CORES, Hooks())  # type: ignore[arg-type]
    with TimelineStore.open(None, Path(task.folder)) as store:

        def run(job: Job) -> Report:
            serving = Serving(card, pool, "idle")
            return StreamRun(job, serving, store, FlowSettings(), Hooks(), SystemClock()).run()

        result = _overhead(task, store, run)
    pool.close()
    return result


def overhead_ray(task: Task) -> Result:
    """A stream actor and an idle model worker actor, against decoding alone."""
    with TimelineStore.open(None, Path(task.folder)) as store, _Cluster(task, witness=False) as cluster:
        return _overhead(task, store, cluster.run)


def ray_witness(task: Task) -> Result:
    """The digest of the clips as they reach a model worker through Ray."""
    with TimelineStore.open(None, Path(task.folder)), _Cluster(task, witness=True) as cluster:
        began_s = time.time()
        report = cluster.run(Job("film-0", task.films[0]))
        return Result(report.frames_decoded, report.clips, began_s, time.time(), cluster.digest())


class _Cluster:
    """Ray on this machine with one stream actor and one idle model worker, wired as the Ray engine wires them."""

    def __init__(self, task: Task, witness: bool) -> None:
        self._task = task
        self._witness = witness

    def __enter__(self) -> "_Cluster":
        import ray

        from actors.settings import RaySettings
        from actors.stream import Company, StreamActor

        space = RaySettings().object_store_bytes
        ray.init(num_cpus=0, include_dashboard=False, object_store_memory=space, log_to_driver=False)
        labels = len(load_card(Path(self._task.model)).labels)
        options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": 1000}
        self._worker: Any = ray.remote(_idle_actor()).options(name="idle", **options).remote(labels, self._witness)
        arguments: tuple[Any, ...] = (
            self._task.model,
            Company(("idle",), "idle"),
            None,
            self._task.folder,
            FlowSettings(),
        )
        self._streams: Any = ray.remote(StreamActor).options(num_cpus=0, max_concurrency=4).remote(*arguments)
        return self

    def __exit__(self, *exception: object) -> None:
        import ray

        ray.get(self._streams.close.remote())
        ray.shutdown()

    def run(self, job: Job) -> Report:
        import ray

        report: Report = ray.get(self._streams.run.remote(job))
        return report

    def digest(self) -> str:
        import ray

        digest: str = ray.get(self._worker.digest.remote())
        return digest


def _idle_actor() -> type:
    from actors.meter import Meter
    from actors.model_worker import ModelWorkerActor

    class IdleActor(ModelWorkerActor):
        """The model worker's actor over an idle worker."""

        def __init__(self, labels: int, witness: bool) -> None:
            self._idle = IdleWorker(labels, witness)
            self._meter = Meter(CORES)
            self._batcher = Batcher(self._idle, CORES)

        async def digest(self) -> str:
            return self._idle.digest.hexdigest() if self._idle.digest else ""

    return IdleActor


def _overhead(task: Task, store: TimelineStore, run: Callable[[Job], Report]) -> Result:
    """Decode and run alternately; the median difference per clip in milliseconds."""
    spec = load_card(Path(task.model)).clip
    watch(task.warm, spec)
    _checked(run(Job("warm", task.warm)))
    began_s, costs, frames, clips = time.time(), [], 0, 0
    for number in range(PASSES):
        decode_s = _seconds(lambda: watch(task.films[0], spec))
        report = _checked(run(Job(f"pass-{number}", task.films[0])))
        began, ended = span(store, report.stream)
        costs.append(1000 * (ended - began - decode_s) / report.clips)
        frames, clips = frames + report.frames_decoded, clips + report.clips
    return Result(frames, clips, began_s, time.time(), extra={"overhead_ms": median(costs)})


def _checked(report: Report) -> Report:
    if report.error:
        raise RuntimeError(report.error)
    return report


def _seconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s
