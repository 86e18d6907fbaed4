"""The pool of model workers as a lane sees it."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from actors.dispatch import Dispatch, Patience, Worker
from pipeline.clip import Strip
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.values import EncoderInput, Float32Array


class RayWorker:
    """A `Worker` behind a Ray handle whose actor is created with `max_restarts` and `max_task_retries` of -1."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def call(self, method: str, arguments: tuple[Any, ...], patient: bool) -> "Future[Any]":
        ask = getattr(self._handle, method)
        if not patient:
            ask = ask.options(max_task_retries=0)
        answer: Future[Any] = ask.remote(*arguments).future()
        return answer


class RayPool:
    """Answers requests by workers that may come, go, die and fall silent; see `Dispatch`.

    Args:
        workers: the first members, by name.
        steady: there will be no others.
    """

    TICK_S = 0.25

    def __init__(self, workers: Mapping[str, Worker], hedge_s: float, steady: bool = False) -> None:
        self._work = threading.Event()
        self._closed = False
        self._dispatch = Dispatch(Patience(hedge_s), steady, self._work.set)
        self._dispatch.change(workers)
        threading.Thread(target=self._look_after, name="pool", daemon=True).start()

    def change(self, workers: Mapping[str, Worker]) -> None:
        """Let these be the members from now on."""
        self._dispatch.change(workers)

    def close(self, reason: str) -> None:
        """Fail what is open and take no more."""
        self._closed = True
        self._dispatch.close(reason)
        self._work.set()

    def encode(self, clips: Sequence[EncoderInput], traces: Sequence[str] = ()) -> "list[Future[Float32Array]]":
        answers: list[Future[Float32Array]] = [Future() for _ in clips]

        def share(done: "Future[Float32Array]") -> None:
            error = done.exception()
            for number, answer in enumerate(answers):
                if error is None:
                    answer.set_result(done.result()[number])
                else:
                    answer.set_exception(error)

        self._dispatch.ask("encode", Strip.of(clips), *_some(traces)).add_done_callback(share)
        return answers

    def remember(self, request: RememberRequest, traces: Sequence[str] = ()) -> "Future[Remembered]":
        return self._dispatch.ask("remember", request, *_some(traces))

    def infer(
        self, clip: EncoderInput, gap_s: float, state: Float32Array | None, traces: Sequence[str] = ()
    ) -> "Future[Remembered]":
        return self._dispatch.ask("infer", clip, gap_s, state, *_some(traces))

    def _look_after(self) -> None:
        """Tick while requests are open, at once when one was lost; wait for the next one else."""
        while not self._closed:
            self._work.wait(None if self._dispatch.idle() else self.TICK_S)
            self._work.clear()
            self._dispatch.tick()


def _some(traces: Sequence[str]) -> tuple[Sequence[str], ...]:
    """One argument more, or none: what is not traced costs nothing on the wire."""
    return (traces,) if traces else ()
