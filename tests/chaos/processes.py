"""Processes of a run, found by what they are."""

import signal
from contextlib import suppress

import psutil


def descendants(pid: int) -> set[int]:
    """Return `pid` and every process that descends from it."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.NoSuchProcess:
        return set()


def named(text: str, members: set[int]) -> list[int]:
    """Return those of `members` that are alive and whose command line holds `text`."""
    return sorted(pid for pid in members if alive(pid) and text in _title(pid))


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(number)


def _title(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline()[:3])
    except psutil.Error:
        return ""
