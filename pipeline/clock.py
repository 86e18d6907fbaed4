"""Time as an argument: the stages never ask the machine what time it is."""

import threading
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and monotonic seconds."""

    def wall_s(self) -> float:
        """Unix seconds."""

    def monotonic_s(self) -> float:
        """Seconds on an axis that never goes back."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Let up to `timeout_s` pass; True at once when `event` is set."""


class SystemClock:
    """The machine's own clock."""

    def wall_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)


@dataclass
class ManualClock:
    """A clock that a test moves by hand."""

    now_s: float = 0.0

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if not event.is_set():
            self.advance(timeout_s)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` (≥ 0)."""
        assert seconds >= 0, seconds
        self.now_s += seconds
