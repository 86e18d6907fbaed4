"""How much a model worker has to do, as the supervisor asks for it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.hooks import Hooks


@dataclass(frozen=True, slots=True)
class Load:
    """What a model worker says of itself.

    Attributes:
        numerics: digest of the profile it computes under.
        node: where it runs.
        at_s: when it said so, by its own steady clock.
        waiting: requests that wait to be computed.
        under_way: requests not answered yet, those waiting included.
        answered: requests answered since it started.
        busy_s: seconds spent computing since it started, of `threads` at once.
    """

    numerics: str
    node: str
    at_s: float
    waiting: int
    under_way: int
    answered: int
    busy_s: float
    threads: int
    pid: int = 0

    def busy_since(self, before: "Load") -> float:
        """The share of its time, 0…1, that it was busy since an earlier load of the same process."""
        passed_s = (self.at_s - before.at_s) * self.threads
        if self.pid != before.pid or passed_s <= 0:
            return 0.0
        return min(1.0, (self.busy_s - before.busy_s) / passed_s)


class Meter(Hooks):
    """Counts requests and the seconds that batches take; safe to use from many threads."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._under_way = 0
        self._answered = 0
        self._busy_s = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is under way while the context lasts."""
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._answered += 1

    def batch(self, kind: str, size: int, seconds: float) -> None:
        with self._lock:
            self._busy_s += seconds

    def load(self, numerics: str, node: str, waiting: int) -> Load:
        """What there is to say now."""
        with self._lock:
            return Load(
                numerics=numerics,
                node=node,
                at_s=time.monotonic(),
                waiting=waiting,
                under_way=self._under_way,
                answered=self._answered,
                busy_s=self._busy_s,
                threads=self._threads,
                pid=os.getpid(),
            )
