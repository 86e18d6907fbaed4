"""The folder in which the processes of one node keep their numbers, and who adds them up.

A process that finds `METRICS_VARIABLE` in its environment when it imports this module keeps its numbers in files of
that folder; otherwise they stay in the process's own registry. Whoever starts a node sets the variable before it
starts Ray, so every actor inherits it, on whatever machine. Ray's own processes inherit it too and write nothing: they
use the same library, which knows another variable, and that one is set here, in our processes alone.
"""

import math
import os
import threading
from collections.abc import Iterable, Iterator
from json import dumps, loads
from pathlib import Path
from typing import Final

from prometheus_client import Metric, disable_created_metrics, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from actors.log import logger

METRICS_VARIABLE = "LONGTAKE_METRICS_DIR"
PREFIX = "longtake-metrics-"
OTHERS = "(others)"  # no stream can have this name

NEWEST: Final = "livemostrecent"
"""How gauges of several processes become one: the newest value of a process that lives. A stream changes hosts."""

_LIBRARYS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_ROOM_BYTES = 128 * 1024
_DEAD = "dead"
_ENTRY_BYTES = 40  # of a value in a file, beside its name


def keep_in(folder: Path) -> bool:
    """Let this process's numbers lie in files of a folder; False where it has no room for them.

    To be called before the first metric is made. The files are mapped memory, and a process that writes to such where
    the disk is full is ended by the system; so their room is taken here.
    """
    try:
        for kind in ("counter", "histogram", f"gauge_{NEWEST}"):
            with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)
    except OSError as error:  # what the process is for is worth more than its numbers
        logger(folder=str(folder)).warning("metrics are not kept", error=str(error))
        return False
    os.environ[_LIBRARYS_VARIABLE] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    return True


class FolderCollector(Collector):
    """Adds up what the processes of a node keep in its folder; safe to use from many threads.

    Counts of a process that has died stay, since what it did was done: they are added to one file, which has room for
    `most` series. What would be more is counted under `OTHERS`. Its gauges vanish, since nobody moves them.
    """

    def __init__(self, folder: Path, most: int = 20_000) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            self._bury()
            begun = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
            families: list[Metric] = list(MultiProcessCollector.merge(begun))  # type: ignore[no-untyped-call]
        yield from shown(families)

    def tidy(self) -> None:
        """Do what every `collect` does first; for folders that nobody asks about."""
        with self._lock:
            self._bury()

    def _bury(self) -> None:
        dead = [file for file in self._folder.glob("*_*.db") if not _alive(file.stem.rsplit("_", 1)[1])]
        for kind in ("counter", "histogram"):
            self._add_to_the_dead(kind, [file for file in dead if file.name.startswith(f"{kind}_")])
        for file in dead:
            if file.name.startswith("gauge_"):
                file.unlink(missing_ok=True)

    def _add_to_the_dead(self, kind: str, files: list[Path]) -> None:
        if not files:
            return
        grave = self._folder / f"{kind}_{_DEAD}.db"
        total = dict(_numbers(grave)) if grave.exists() else {}
        for file in files:
            for key, value in _numbers(file):
                kept = key if key in total or len(total) < self._most else _nameless(key)
                total[kept] = total.get(kept, 0.0) + value
        try:
            _write(total, grave)
        except OSError:  # no room: the files stay, and are added up one by one
            return
        for file in files:
            file.unlink(missing_ok=True)


def shown(families: Iterable[Metric]) -> Iterator[Metric]:
    """Leave out what was forgotten: gauges that are no number, because there is nothing left to measure."""
    for family in families:
        family.samples = [sample for sample in family.samples if not math.isnan(sample.value)]
        yield family


def _numbers(file: Path) -> Iterator[tuple[str, float]]:
    if file.stat().st_size:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            yield key, value


def _write(numbers: dict[str, float], file: Path) -> None:
    """Replace the file by one with these numbers."""
    new = file.with_suffix(".new")
    with new.open("wb") as room:
        os.posix_fallocate(room.fileno(), 0, 16 + sum(len(key.encode()) + _ENTRY_BYTES for key in numbers))
    mapped = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for key, value in numbers.items():
        mapped.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    mapped.close()  # type: ignore[no-untyped-call]
    new.replace(file)


def _nameless(key: str) -> str:
    """The series under which those without a place of their own are counted."""
    metric, name, labels, about = loads(key)
    labels |= {label: OTHERS for label in ("stream", "label") if label in labels}
    return dumps([metric, name, labels, about], sort_keys=True)


def _alive(pid: str) -> bool:
    if pid == _DEAD:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


disable_created_metrics()  # type: ignore[no-untyped-call]  # series that tell when others began
if METRICS_VARIABLE in os.environ:
    keep_in(Path(os.environ[METRICS_VARIABLE]))
