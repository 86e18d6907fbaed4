"""A share of the processor for some processes and whatever they start, by control groups; wants to be root."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_PERIOD_US = 100_000
_ROOT = Path("/sys/fs/cgroup")


class Quota:
    """A control group whose processes together get so many cores, never more."""

    def __init__(self, name: str, cores: float) -> None:
        first = (_ROOT / "cpu").is_dir()
        self._folder = (_ROOT / "cpu" if first else _ROOT) / f"longtake-{os.getpid()}-{name}"
        self._file, said = ("cpu.cfs_quota_us", "{}") if first else ("cpu.max", f"{{}} {_PERIOD_US}")
        self._limit = said.format(round(cores * _PERIOD_US))

    def __enter__(self) -> Self:
        self._folder.mkdir()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pid in (self._folder / "cgroup.procs").read_text().split():
            (self._folder.parent / "cgroup.procs").write_text(pid)
        self._folder.rmdir()

    def limit(self, pids: Iterable[int]) -> None:
        """Let these processes, and those they start from now on, share the quota."""
        for pid in pids:
            (self._folder / "cgroup.procs").write_text(str(pid))
        (self._folder / self._file).write_text(self._limit)
