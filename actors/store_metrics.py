"""Metrics of the timeline store, as it looks from the process that asks it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from actors.metrics import STORE_SECONDS
from actors.metrics_folder import NEWEST
from pipeline.errors import StoreError
from pipeline.timeline.store import TimelineStore

_UP = Gauge("longtake_store_up", "1 while the store answers and takes what it is given.", multiprocess_mode=NEWEST)
_USED = Gauge("longtake_store_used_bytes", "Memory the store uses.", multiprocess_mode=NEWEST)
_LIMIT = Gauge("longtake_store_limit_bytes", "Memory the store may use; 0 is no limit.", multiprocess_mode=NEWEST)
_DURABLE = Gauge("longtake_store_append_only", "1 while the store logs every write to disk.", multiprocess_mode=NEWEST)
_SKEW = Gauge("longtake_clock_skew_seconds", "The store's clock minus this node's.", multiprocess_mode=NEWEST)


@contextmanager
def timed(operation: str) -> Iterator[None]:
    """Observe how long the store took, if it answered."""
    began_s = time.monotonic()
    yield
    STORE_SECONDS.labels(operation).observe(time.monotonic() - began_s)


class StoreWatch:
    """Shows how the store is, asked every `EVERY_S` at most."""

    EVERY_S = 10.0

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._asked_s = -self.EVERY_S

    def look(self) -> None:
        """Ask, if it is time to.

        Raises:
            StoreError: it does not answer, which is shown.
        """
        if time.monotonic() - self._asked_s < self.EVERY_S:
            return
        try:
            info = self._store.server_info()
        except StoreError:
            self.away()
            raise
        self._asked_s = time.monotonic()
        STORE_SECONDS.labels("ping").observe(info.ping_s)
        _UP.set(1)
        _USED.set(info.used_bytes)
        _LIMIT.set(info.limit_bytes)
        _DURABLE.set(info.append_only)
        _SKEW.set(info.clock_skew_s)

    def away(self) -> None:
        """Somebody has found that the store does not answer, or takes nothing."""
        self._asked_s = -self.EVERY_S
        _UP.set(0)
