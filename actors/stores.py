"""The timeline store as actors open it."""

from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from pipeline.errors import StoreDown
from pipeline.timeline.store import TimelineStore

PATIENCE_S = 600.0
"""An actor that is started again may find the store away; one whose constructor fails is never started again."""


def open_patiently(url: str | None, home: Path) -> TimelineStore:
    """Open the store, waiting for one that is away.

    Raises:
        StoreDown: it was away for `PATIENCE_S`.
        StoreError: as `TimelineStore.open`.
    """
    patience, pause = stop_after_delay(PATIENCE_S), wait_exponential(multiplier=0.1, max=2)
    retrying = Retrying(retry=retry_if_exception_type(StoreDown), stop=patience, wait=pause, reraise=True)
    return retrying(TimelineStore.open, url, home)
