"""Opening the timeline store as every command does."""

import os

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from longtake.output import messages
from longtake.query import ARCHIVE_VARIABLE
from pipeline.errors import StoreDown
from pipeline.home import home
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore


def open_store(url: str | None, wait_s: float = 0.0) -> TimelineStore:
    """Open the store at `url`, or the embedded one, with the archive that the environment names.

    Args:
        wait_s: how long to ask again where it does not answer yet or refuses the password; the reason is told once.

    Raises:
        StoreError: as `TimelineStore.open`.
    """
    settings = StoreSettings(archive=os.environ.get(ARCHIVE_VARIABLE) or None)
    patience, pause = stop_after_delay(wait_s), wait_exponential(multiplier=0.1, max=2)
    retrying = Retrying(
        retry=retry_if_exception_type(StoreDown),
        stop=patience,
        wait=pause,
        reraise=True,
        before_sleep=lambda state: _tell(state, wait_s),
    )
    return retrying(TimelineStore.open, url, home(), settings)


def _tell(state: RetryCallState, wait_s: float) -> None:
    if state.attempt_number == 1 and state.outcome is not None:
        reason = state.outcome.exception()
        messages.print(f"{reason}; trying again for {wait_s:g} s", style="yellow", markup=False, soft_wrap=True)
