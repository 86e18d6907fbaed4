"""Delivering to one target: in order, again and again, until it took a letter or that is too old."""

import random
import threading
from collections.abc import Callable

from pipeline.alerts.errors import TargetAway, TargetRefused
from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.outbox import AlertOutbox, Entry
from pipeline.alerts.settings import AlertSettings
from pipeline.alerts.target import Target
from pipeline.backoff import pauses
from pipeline.clock import Clock
from pipeline.errors import StoreError


class Delivery:
    """Empties what waits for one target; one thread calls `run`.

    A target that fails is left alone for a growing while, and what waits for it keeps its order. A letter that it
    refuses is dead at once; one that is older than `give_up_s` is dead after one more try.

    Attributes:
        news: to be set where there is something new to deliver.
    """

    LOOK_S = 1.0
    BATCH = 100

    def __init__(
        self,
        name: str,
        target: Target,
        outbox: AlertOutbox,
        settings: AlertSettings,
        hooks: AlertHooks,
        clock: Clock,
    ) -> None:
        self.news = threading.Event()
        self._name = name
        self._target = target
        self._outbox = outbox
        self._settings = settings
        self._hooks = hooks
        self._clock = clock
        self._rest()

    def run(self, stop: threading.Event, allowed: Callable[[], bool]) -> None:
        """Deliver while `allowed`, until `stop` is set; set `news` after it, so that nobody waits for what comes."""
        while not stop.is_set():
            self.news.clear()
            if self._well(lambda: allowed() and not stop.is_set()):
                self._rest()
                self._clock.wait(self.news, self.LOOK_S)
            else:
                self._clock.wait(stop, next(self._pauses))
        self._target.close()

    def step(self, allowed: Callable[[], bool]) -> bool:
        """Deliver what waits; False where the target is away.

        Raises:
            StoreError: nobody can tell what waits, or that the last one was delivered.
        """
        while allowed() and (entries := self._outbox.waiting(self._name, self.BATCH)):
            for entry in entries:
                if not allowed():
                    return True
                try:
                    self._send(entry)
                except TargetAway as error:
                    self._hooks.failed(self._name, str(error))
                    self._bury([one for one in entries if self._age_s(one) > self._settings.give_up_s], str(error))
                    return False
        return True

    def _well(self, allowed: Callable[[], bool]) -> bool:
        try:
            well = self.step(allowed)
            self._hooks.waiting(self._name, self._outbox.counts(self._name).waiting)
        except StoreError:  # who watches says so
            return False
        return well

    def _send(self, entry: Entry) -> None:
        try:
            self._target.send(entry.letter)
        except TargetRefused as error:
            self._bury([entry], str(error))
        else:
            self._outbox.delivered(self._name, entry)
            self._hooks.delivered(self._name, self._age_s(entry))
        self._rest()

    def _bury(self, entries: list[Entry], reason: str) -> None:
        if entries:
            self._outbox.bury(self._name, entries, reason)
        for _ in entries:
            self._hooks.dead(self._name, reason)

    def _age_s(self, entry: Entry) -> float:
        return max(0.0, self._clock.wall_s() - entry.since_s)

    def _rest(self) -> None:
        """Waits begin small again."""
        self._pauses = pauses(self._settings.retry_s, self._settings.retry_cap_s, random.Random())
