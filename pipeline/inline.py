"""The inline engine: everything in one process, for debugging, small devices and tests."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pipeline.clock import SystemClock
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Fanout, Hooks
from pipeline.models.batcher import Batcher
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.models.worker import ModelWorker
from pipeline.tally import Progress, Tally
from pipeline.timeline.store import TimelineStore
from pipeline.values import EncoderInput, Float32Array

Watch = Callable[[list[Progress]], None]


class InlinePool:
    """One model worker of this process; each of its threads computes one batch at a time."""

    def __init__(self, worker: ModelWorker, threads: int, hooks: Hooks) -> None:
        self._batcher = Batcher(worker, threads, hooks=hooks)

    def encode(self, clips: Sequence[EncoderInput], traces: Sequence[str] = ()) -> "list[Future[Float32Array]]":
        each = zip(clips, traces or [""] * len(clips), strict=True)
        return [self._batcher.encode(clip, trace) for clip, trace in each]

    def remember(self, request: RememberRequest, traces: Sequence[str] = ()) -> "Future[Remembered]":
        return self._batcher.remember(request, traces)

    def infer(
        self, clip: EncoderInput, gap_s: float, state: Float32Array | None, traces: Sequence[str] = ()
    ) -> "Future[Remembered]":
        features = self._batcher.encode(clip, *traces).result()
        return self._batcher.remember(RememberRequest(features[None], np.array([gap_s], np.float32), state), traces)

    def close(self) -> None:
        self._batcher.close()


class InlineEngine:
    """A context manager over one model worker; runs several streams at once, one per core.

    Raises:
        ModelError: the model cannot be loaded.
    """

    POLL_S = 0.2

    def __init__(self, model: Path, store: TimelineStore, settings: FlowSettings, hooks: Hooks | None = None) -> None:
        self._tally = Tally()
        self._hooks = Fanout(self._tally, hooks or Hooks())
        self._cores = os.cpu_count() or 1
        worker = ModelWorker(model)
        self._pool = InlinePool(worker, self._cores, self._hooks)
        self._serving = Serving(worker.card, self._pool, worker.numerics.digest())
        self._store = store
        self._settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._hooks.close()

    def run(self, jobs: Sequence[Job], watch: Watch) -> list[Report]:
        """Run all jobs to their end; `watch` is told of the progress several times a second.

        A `KeyboardInterrupt` stops the streams cleanly and the reports say so.
        """
        runs = [self._stream_run(job) for job in jobs]
        with ThreadPoolExecutor(self._cores, thread_name_prefix="lane") as threads:
            calls = [threads.submit(run.run) for run in runs]
            waiting = set(calls)
            while waiting:
                try:
                    _, waiting = wait(waiting, self.POLL_S)
                    watch(self._tally.progress())
                except KeyboardInterrupt:
                    for run in runs:
                        run.stop()
        return [call.result() for call in calls]

    def _stream_run(self, job: Job) -> StreamRun:
        return StreamRun(job, self._serving, self._store, self._settings, self._hooks, SystemClock())
