"""The model worker as a Ray actor: a batcher over the pure worker, reachable from every node."""

import asyncio
import os
from collections.abc import Sequence

import numpy as np
import ray

from actors.meter import Load, Meter
from actors.metrics import PrometheusHooks, show_model
from actors.tracing import tracing
from pipeline.clip import Strip
from pipeline.errors import ModelError
from pipeline.hooks import Fanout
from pipeline.models.batcher import Batcher
from pipeline.models.card import resolve
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.values import EncoderInput, Float32Array


class ModelWorkerActor:
    """Serves one model. Keeps nothing of a stream, so any of them may answer any request, and a lost one is replaced.

    Args:
        model: a registered name, or a directory.
        fingerprint: what the model's begins with. Another model of that name, or in that directory, is not served.
        threads: requests computed at once; each has one thread of its own.
        wait_s: how long an encode request may wait for company where the bucket holds more than one clip.
    """

    def __init__(self, model: str, fingerprint: str, threads: int, wait_s: float) -> None:
        from pipeline.models.worker import ModelWorker  # torch loads in the actor, not where it is wired

        self._worker = ModelWorker(resolve(model))
        if not self._worker.card.fingerprint.startswith(fingerprint):
            ours = self._worker.card.fingerprint
            raise ModelError(f"model {model!r} is {fingerprint}… where it is asked for, and {ours} on this node")
        show_model(self._worker.card, self._worker.numerics)
        self._meter = Meter(threads)
        hooks = Fanout(PrometheusHooks(), self._meter, tracing("model worker", self._worker.card.fingerprint))
        self._batcher = Batcher(self._worker, threads, wait_s, hooks)

    async def numerics(self) -> str:
        """Digest of the profile this worker computes under; an answer also says that the model is loaded."""
        return self._worker.numerics.digest()

    async def load(self) -> Load:
        """How much it has to do."""
        node = ray.get_runtime_context().get_node_id()
        return self._meter.load(self._worker.numerics.digest(), node, self._batcher.waiting())

    async def pid(self) -> int:
        """The worker's process."""
        return os.getpid()

    async def encode(self, strip: Strip, traces: Sequence[str] = ()) -> Float32Array:
        """Features N×D of a strip's clips."""
        with self._meter.request():
            each = zip(strip.clips(), traces or [""] * len(strip.starts), strict=True)
            calls = [asyncio.wrap_future(self._batcher.encode(clip, trace)) for clip, trace in each]
            return np.stack(await asyncio.gather(*calls))

    async def remember(self, request: RememberRequest, traces: Sequence[str] = ()) -> Remembered:
        """Scores and new state of consecutive steps of one stream."""
        with self._meter.request():
            return await asyncio.wrap_future(self._batcher.remember(request, traces))

    async def infer(
        self, clip: EncoderInput, gap_s: float, state: Float32Array | None, traces: Sequence[str] = ()
    ) -> Remembered:
        """Both in one call."""
        with self._meter.request():
            features = await asyncio.wrap_future(self._batcher.encode(clip, *traces))
            request = RememberRequest(features[None], np.array([gap_s], np.float32), state)
            return await asyncio.wrap_future(self._batcher.remember(request, traces))
