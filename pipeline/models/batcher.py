"""The loop of a model worker: requests of many streams in, one batch at a time through the model, answers out."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.errors import EngineError
from pipeline.hooks import Hooks
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.values import EncoderInput, Float32Array


class Computes(Protocol):
    """The pure functions of a model worker, and the bucket each pads to."""

    encode_bucket: int
    remember_bucket: int

    def encode(self, clips: Sequence[EncoderInput]) -> list[Float32Array]:
        """Features D of every clip."""

    def remember(self, requests: Sequence[RememberRequest]) -> list[Remembered]:
        """Answers to every request."""


@dataclass(frozen=True, slots=True)
class _Request:
    work: Any
    answer: "Future[Any]"
    since_s: float
    traces: Sequence[str] = ()  # of the clips it is for, as far as they are traced


class Batcher:
    """Runs a model worker on `threads` threads of this process, batching what waits.

    A memory request goes before an encode request: it is cheap, and a stream waits for it. An encode batch is taken
    as soon as the bucket is full or its oldest request has waited `wait_s`. Which requests share a batch never
    changes an answer; the worker guarantees that. Callers bound what waits here: a lane has a fixed number of
    requests in flight.
    """

    def __init__(self, worker: Computes, threads: int = 1, wait_s: float = 0.0, hooks: Hooks | None = None) -> None:
        self._worker = worker
        self._wait_s = wait_s
        self._hooks = hooks or Hooks()
        self._encodes: deque[_Request] = deque()
        self._memories: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"model-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def encode(self, clip: EncoderInput, trace: str = "") -> "Future[Float32Array]":
        """Ask for the features of one clip."""
        return self._ask(self._encodes, clip, (trace,))

    def remember(self, request: RememberRequest, traces: Sequence[str] = ()) -> "Future[Remembered]":
        """Ask for the scores of consecutive steps of one stream."""
        return self._ask(self._memories, request, traces)

    def waiting(self) -> int:
        """How many requests wait."""
        with self._changed:
            return len(self._encodes) + len(self._memories)

    def close(self) -> None:
        """Finish what is being computed, refuse what waits, end the threads."""
        with self._changed:
            self._closed = True
            waiting = [*self._memories, *self._encodes]
            self._memories.clear()
            self._encodes.clear()
            self._changed.notify_all()
        for request in waiting:
            request.answer.set_exception(EngineError("the model worker was closed"))
        for thread in self._threads:
            thread.join()

    def _ask(self, queue: "deque[_Request]", work: Any, traces: Sequence[str]) -> "Future[Any]":
        request = _Request(work, Future(), time.monotonic(), tuple(filter(None, traces)))
        with self._changed:
            if self._closed:
                raise EngineError("the model worker was closed")
            queue.append(request)
            self._changed.notify()
        return request.answer

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            self.step(*batch)

    def step(self, kind: str, requests: list[_Request]) -> None:
        """Compute one batch and hand the answers back; a failure goes to everybody in the batch."""
        compute: Any = self._worker.remember if kind == "remember" else self._worker.encode
        started_s = time.monotonic()
        try:
            answers = compute([request.work for request in requests])
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            for request in requests:
                request.answer.set_exception(error)
            return
        seconds = time.monotonic() - started_s
        self._hooks.batch(kind, len(requests), seconds)
        for request, answer in zip(requests, answers, strict=True):
            if request.traces:
                self._hooks.worked(request.traces, kind, len(requests), started_s - request.since_s, seconds)
            request.answer.set_result(answer)

    def _take(self) -> tuple[str, list[_Request]] | None:
        """Wait for the next batch; None when closed."""
        with self._changed:
            while not self._closed:
                if self._memories:
                    return "remember", _pop(self._memories, self._worker.remember_bucket)
                patience_s = self._encode_patience_s()
                if patience_s is not None and patience_s <= 0:
                    return "encode", _pop(self._encodes, self._worker.encode_bucket)
                self._changed.wait(patience_s)
        return None

    def _encode_patience_s(self) -> float | None:
        """Seconds until an encode batch should go: ≤ 0 now, None while nothing waits."""
        if not self._encodes:
            return None
        if len(self._encodes) >= self._worker.encode_bucket:
            return 0.0
        return self._encodes[0].since_s + self._wait_s - time.monotonic()


def _pop(queue: "deque[_Request]", most: int) -> list[_Request]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]
