"""Alerts of one process: it watches and delivers while it has the right to, which one process has at a time."""

import math
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from pipeline.alerts.delivery import Delivery
from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.outbox import AlertOutbox
from pipeline.alerts.settings import AlertSettings
from pipeline.alerts.target import Target, make_target
from pipeline.alerts.watch import Watch
from pipeline.clock import Clock, SystemClock
from pipeline.errors import Fenced, StoreError
from pipeline.timeline.store import TimelineStore


@contextmanager
def alerting(
    store: TimelineStore,
    settings: AlertSettings,
    environ: Mapping[str, str],
    hooks: AlertHooks | None = None,
    clock: Clock | None = None,
) -> Iterator[None]:
    """Watch and deliver in threads of its own as long as the context lasts; without targets do nothing.

    Where another process does so already, this one waits to take its place. Leaving takes as long as a target takes to
    answer what it is told just then, at most its time-out.

    Args:
        store: stays the caller's to close, after this.
        environ: where the variables of the settings are set.
    """
    if not settings.targets:
        yield
        return
    clock = clock or SystemClock()
    targets = {name: make_target(name, settings, environ, clock) for name in settings.targets}
    dispatcher = Dispatcher(store, settings, targets, hooks or AlertHooks(), clock)
    dispatcher.start()
    try:
        yield
    finally:
        dispatcher.stop()


class Dispatcher:
    """One thread that watches, and one for each target, so that none waits for another."""

    LEASE_S, RENEW_S, TICK_S, PAUSE_S = 5.0, 1.0, 0.25, 1.0

    def __init__(
        self,
        store: TimelineStore,
        settings: AlertSettings,
        targets: Mapping[str, Target],
        hooks: AlertHooks,
        clock: Clock,
    ) -> None:
        self._store = store
        self._settings = settings
        self._hooks = hooks
        self._clock = clock
        self._token = secrets.token_hex(16)
        self._outbox = AlertOutbox(store, settings.waiting, settings.dead)
        self._deliveries = {
            name: Delivery(name, target, self._outbox, settings, hooks, clock) for name, target in targets.items()
        }
        self._watch: Watch | None = None
        self._asked_s = -math.inf
        self._away = False
        self._leads = threading.Event()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name="alerts", daemon=True)]
        self._threads += [
            threading.Thread(target=one.run, args=(self._stop, self._leads.is_set), name=f"alerts-{name}", daemon=True)
            for name, one in self._deliveries.items()
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them, and let another process go on at once."""
        self._stop.set()
        for delivery in self._deliveries.values():
            delivery.news.set()
        for thread in self._threads:
            thread.join()

    def step(self) -> None:
        """Renew the right to watch and deliver, and read the event logs once; without it wait for it.

        Raises:
            StoreError: the store does not answer, or another process leads; call again.
        """
        if not self._may():
            self._lose()
            self._clock.wait(self._stop, self.PAUSE_S)
            return
        if self._watch is None:
            self._watch = Watch(self._store, self._outbox, self._token, self._settings, self._hooks, self._clock)
            self._leads.set()
            self._wake(self._deliveries.keys())
        self._wake(self._watch.tick(self.TICK_S))

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._try()
        finally:
            self._resign()

    def _try(self) -> None:
        try:
            self.step()
            self._away = False
        except Fenced:
            self._lose()
        except StoreError as error:
            self._lose()
            self._tell(str(error))
            self._clock.wait(self._stop, self.PAUSE_S)

    def _may(self) -> bool:
        now_s = self._clock.monotonic_s()
        if self._watch is None or now_s - self._asked_s >= self.RENEW_S:
            self._asked_s = now_s
            return self._outbox.lead(self._token, self.LEASE_S)
        return True

    def _lose(self) -> None:
        self._leads.clear()
        self._watch = None

    def _wake(self, targets: Iterable[str]) -> None:
        for target in targets:
            self._deliveries[target].news.set()

    def _tell(self, error: str) -> None:
        """Say once that the store is away."""
        if not self._away:
            self._hooks.store_away(error)
        self._away = True

    def _resign(self) -> None:
        self._lose()
        with suppress(StoreError):  # then the right ends by itself
            self._outbox.resign(self._token)
