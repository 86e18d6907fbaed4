"""What a process that decodes may take from the machine (Linux)."""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
MOST_FILES = 256
_FIRST_TO_GO = "900"  # of 1000: where the machine runs out of memory, before whoever asked for the frames


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends, however it does."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(memory_bytes: int) -> None:
    """Take at most `memory_bytes` more of address space; write no files, dump no core, gain no rights."""
    with suppress(OSError):  # before the process becomes untraceable, which makes its files in /proc root's
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, MOST_FILES)
    _limit(resource.RLIMIT_AS, _address_space_bytes() + memory_bytes)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
