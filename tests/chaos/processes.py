"""Processes of a run, found by what they are."""

import os
import signal
from pathlib import Path

PROC = Path("/proc")


def descendants(pid: int) -> set[int]:
    """Return `pid` and every process that descends from it."""
    parents = {int(path.name): _parent(path) for path in PROC.iterdir() if path.name.isdigit()}
    members, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in members} - members
        members, grown = members | more, bool(more)
    return members


def named(text: str, members: set[int]) -> list[int]:
    """Return those of `members` whose command line begins with or runs `text`, that are not zombies."""
    return sorted(pid for pid in members if text in _title(pid) and _state(pid) != "Z")


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    return _state(pid) not in ("", "Z")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def pss_mib(members: set[int]) -> float:
    """Summed proportional set size."""
    return sum(map(_pss_mib, members))


def _pss_mib(pid: int) -> float:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _state(pid: int) -> str:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _title(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words[:3]).decode(errors="replace")
