"""Threads beside the work: those a process cannot do without, and those that only tidy up."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def repeated(name: str, period_s: float, call: Callable[[], None]) -> Iterator[None]:
    """Call again and again as long as the context lasts, a period apart."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(period_s):
            call()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
