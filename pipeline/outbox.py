"""Where a lane's commits go: written at once, kept while the store is away, repeated when it came back older."""

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.backoff import pauses
from pipeline.clock import Clock
from pipeline.errors import StoreBehind, StoreDown
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Commit


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a store that went away, and what ends the wait.

    Attributes:
        stop: set when the stream is told to stop.
        away: told True when the store goes away, False when it is back.
    """

    seconds: float
    stop: threading.Event
    away: Callable[[bool], None]


class Outbox:
    """Writes the commits of one lane, in order; bounded.

    A commit is tried until the store has it; since a repeated one is recognised, none is written twice. The last
    `kept_s` seconds of commits are remembered: if the machine under the store lost its last moments, those it lost
    are written again.
    """

    FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0

    def __init__(self, store: TimelineStore, lease: Lease, patience: Patience, kept_s: float, clock: Clock) -> None:
        self._store = store
        self._lease = lease
        self._patience = patience
        self._kept_s = kept_s
        self._clock = clock
        self._kept: deque[tuple[float, bytes, Commit]] = deque()

    def commit(self, commit: Commit) -> str:
        """Write `commit`; `ok` or `repeated`.

        Raises:
            StoreDown: for longer than patience lasts, or until the stream was stopped.
            StoreBehind: the store lost more than is remembered here.
            Fenced, StoreError: nothing was written.
        """
        try:
            result = self._patiently(commit)
        except StoreBehind:
            self._repeat()
            result = self._patiently(commit)
        now_s = self._clock.monotonic_s()
        self._kept.append((now_s, self._store.digest(commit), commit))
        while self._kept[0][0] < now_s - self._kept_s:
            self._kept.popleft()
        return result

    def _patiently(self, commit: Commit) -> str:
        waits = pauses(self.FIRST_PAUSE_S, self.LONGEST_PAUSE_S, random.Random(commit.stream))
        until_s = self._clock.monotonic_s() + self._patience.seconds
        away = False
        while True:
            try:
                result = self._store.commit(self._lease, commit)
            except StoreDown:
                if self._clock.monotonic_s() >= until_s or self._clock.wait(self._patience.stop, next(waits)):
                    raise
                if not away:
                    self._patience.away(True)
                away = True
            else:
                if away:
                    self._patience.away(False)
                return result

    def _repeat(self) -> None:
        """Write again what followed the last commit that the store still has."""
        stored = self._store.last_digest(self._lease)
        digests = [digest for _, digest, _ in self._kept]
        if stored not in digests:
            raise StoreBehind(f"the store lost more of {self._lease.stream!r} than its lane remembers")
        for _, _, commit in list(self._kept)[digests.index(stored) + 1 :]:
            self._patiently(commit)
