"""Threads an actor cannot do without."""

import os
import threading
from collections.abc import Callable
from typing import Any


def vital(name: str, loop: Callable[[], None], log: Any) -> threading.Thread:
    """Start a thread whose failure ends the process.

    An actor without its loop looks alive and does nothing; one that is gone is noticed and replaced.
    """

    def run() -> None:
        done = False
        try:
            loop()
            done = True
        finally:
            if not done:
                log.exception("this process ends: its loop failed", loop=name)
                os._exit(1)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
