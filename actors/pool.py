"""The pool of model workers as a lane sees it."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from pipeline.clip import Strip
from pipeline.errors import EngineError
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.values import Float32Array, UInt8Array


class RayPool:
    """Sends every request to the worker with the fewest under way.

    Requests are pure, so Ray may repeat them: one that was on a worker when it died is answered by its successor.
    """

    def __init__(self, workers: Sequence[Any]) -> None:
        self._workers = list(workers)
        self._under_way = [0] * len(self._workers)
        self._lock = threading.Lock()

    def encode(self, clips: Sequence[UInt8Array]) -> "list[Future[Float32Array]]":
        answers: list[Future[Float32Array]] = [Future() for _ in clips]

        def share(done: "Future[Float32Array]") -> None:
            error = done.exception()
            for number, answer in enumerate(answers):
                if error is None:
                    answer.set_result(done.result()[number])
                else:
                    answer.set_exception(error)

        self._send("encode", Strip.of(clips)).add_done_callback(share)
        return answers

    def remember(self, request: RememberRequest) -> "Future[Remembered]":
        return self._send("remember", request)

    def infer(self, clip: UInt8Array, gap_s: float, state: Float32Array | None) -> "Future[Remembered]":
        return self._send("infer", clip, gap_s, state)

    def _send(self, method: str, *arguments: Any) -> "Future[Any]":
        with self._lock:
            index = self._under_way.index(min(self._under_way))
            self._under_way[index] += 1
        answer: Future[Any] = Future()
        call = getattr(self._workers[index], method).remote(*arguments).future()
        call.add_done_callback(lambda done: self._hand_over(index, done, answer))
        return answer

    def _hand_over(self, index: int, call: "Future[Any]", answer: "Future[Any]") -> None:
        """Give the answer to whoever waits; Ray's errors become ours here."""
        with self._lock:
            self._under_way[index] -= 1
        error = call.exception()
        if error is None:
            answer.set_result(call.result())
        else:
            answer.set_exception(EngineError(f"a model worker failed: {str(error).strip().splitlines()[-1]}"))
