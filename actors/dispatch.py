"""Which worker of a pool answers a request, and which one instead when that one is lost or silent.

Requests are pure, so sending one twice costs time and nothing else; the first answer counts and others are dropped.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, RayError, WorkerCrashedError

from pipeline.errors import EngineError

LOST = (RayActorError, NodeDiedError, ObjectLostError, WorkerCrashedError)
"""What a call ends with that was not answered through no fault of its own."""


class Worker(Protocol):
    """A model worker as a pool sees it."""

    def call(self, method: str, arguments: tuple[Any, ...], patient: bool) -> "Future[Any]":
        """Begin a call. One that finds the worker dead fails with an error of `LOST`, unless it is `patient`: then it
        waits for the worker's successor, and fails only where there will be none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pool waits for what.

    Attributes:
        hedge_s: a worker that has said nothing for so long is asked no more, and what it was asked goes to another.
        lost_s: one that was lost is not asked again before.
        answer_s: a request nobody could be asked to answer for so long fails.
    """

    hedge_s: float = 5.0
    lost_s: float = 1.0
    answer_s: float = 300.0


@dataclass(eq=False, slots=True)
class _Member:
    name: str
    worker: Worker
    under_way: int = 0
    heard_s: float = 0.0
    shunned_until_s: float = 0.0
    gone: bool = False  # even a patient call found it dead


@dataclass(eq=False, slots=True)
class _Request:
    method: str
    arguments: tuple[Any, ...]
    since_s: float
    answer: "Future[Any]" = field(default_factory=Future)
    sent_s: dict[_Member, float] = field(default_factory=dict)
    """Where it is under way, and since when."""


class Dispatch:
    """Sends every request to the member with the fewest under way; members come and go at any time.

    With company a request is sent without patience, so it goes to another member as soon as its own is lost; a member
    that is alone, or all of whose company was lost too, is waited for. `tick` must be called several times a second
    while requests are open, and soon after `disturbed` was called. Safe to use from many threads.

    Args:
        steady: the members stay what they are, so a request whose only member is gone for good fails at once instead
            of waiting for another member.
        disturbed: called from any thread when `tick` has something to do.
    """

    STUCK = 4  # times `hedge_s`: a request so old goes to another although its member answers others

    def __init__(
        self,
        patience: Patience,
        steady: bool = False,
        disturbed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._steady = steady
        self._disturbed = disturbed
        self._clock = clock
        self._lock = threading.Lock()
        self._members: dict[str, _Member] = {}
        self._open: dict[_Request, None] = {}  # in the order of their arrival

    def change(self, workers: Mapping[str, Worker]) -> None:
        """Let these be the members; what is under way at one that leaves is still waited for."""
        with self._lock:
            now_s = self._clock()
            self._members = {
                name: self._members.get(name) or _Member(name, worker, heard_s=now_s)
                for name, worker in workers.items()
            }
        self._disturbed()

    def ask(self, method: str, *arguments: Any) -> "Future[Any]":
        """Begin a request; the future carries the answer, or an `EngineError`."""
        request = _Request(method, arguments, self._clock())
        with self._lock:
            first = not self._open
            self._open[request] = None
        self._send(request)
        if first:
            self._disturbed()  # whoever ticks may have slept for want of requests
        return request.answer

    def idle(self) -> bool:
        """No request is open."""
        return not self._open

    def tick(self) -> None:
        """Send again what is lost or late; give up what nobody could be asked for a long time."""
        with self._lock:
            now_s = self._clock()
            late = [request for request in self._open if self._late(request, now_s)]
        for request in late:
            self._send(request)
            if not request.sent_s and now_s - request.since_s > self._patience.answer_s:
                self._end(request, EngineError(f"no model worker was there for {self._patience.answer_s:g} s"))

    def close(self, reason: str) -> None:
        """Fail what is open and send nothing more."""
        with self._lock:
            self._members, waiting = {}, list(self._open)
        for request in waiting:
            self._end(request, EngineError(reason))

    def _send(self, request: _Request) -> None:
        """Ask a member, if there is one to ask; `tick` tries again."""
        with self._lock:
            now_s = self._clock()
            chosen = self._chosen(request, now_s) if request in self._open else None
            if chosen is None:
                return
            member, patient = chosen
            member.under_way += 1
            request.sent_s[member] = now_s
        try:
            call = member.worker.call(request.method, request.arguments, patient)
        except RayError as error:
            call = Future()
            call.set_exception(error)
        call.add_done_callback(partial(self._returned, request, member, patient))

    def _chosen(self, request: _Request, now_s: float) -> tuple[_Member, bool] | None:
        """The member to ask, and whether to be patient with it."""
        others = [member for member in self._members.values() if member not in request.sent_s]
        well = [member for member in others if member.shunned_until_s <= now_s]
        able = well or [member for member in others if not member.gone]
        if not able:
            return None
        return min(able, key=lambda member: member.under_way), not well or len(self._members) == 1

    def _late(self, request: _Request, now_s: float) -> bool:
        """Nobody is at it, or whoever is does not seem to come back; silent members are shunned on the way."""
        for member, sent_s in request.sent_s.items():
            if now_s - max(sent_s, member.heard_s) > self._patience.hedge_s:
                member.shunned_until_s = now_s + self._patience.hedge_s
            elif now_s - sent_s <= self.STUCK * self._patience.hedge_s:
                return False
        return True

    def _returned(self, request: _Request, member: _Member, patient: bool, call: "Future[Any]") -> None:
        error, now_s = call.exception(), self._clock()
        lost = isinstance(error, LOST)
        with self._lock:
            member.under_way -= 1
            del request.sent_s[member]
            if lost:
                member.gone = patient
                member.shunned_until_s = now_s + self._patience.lost_s
            else:
                member.gone, member.heard_s, member.shunned_until_s = False, now_s, 0.0
        if not lost or (patient and self._steady and not request.sent_s):
            self._end(request, None if error is None else _ours(error), call)
        else:
            self._disturbed()  # this may be Ray's own thread, which must not wait for Ray: `tick` sends it again

    def _end(self, request: _Request, error: EngineError | None, call: "Future[Any] | None" = None) -> None:
        """Hand over the first answer."""
        with self._lock:
            if request not in self._open:
                return
            del self._open[request]
        if error is not None:
            request.answer.set_exception(error)
        elif call is not None:
            request.answer.set_result(call.result())


def _ours(error: BaseException) -> EngineError:
    return EngineError(f"a model worker failed: {str(error).strip().splitlines()[-1]}")
