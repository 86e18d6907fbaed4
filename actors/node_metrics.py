"""What a node tells of itself: build, memory, disk, processor time, and what the processes it started take."""

import os
import platform
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import psutil
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

SHARED_MEMORY = Path("/dev/shm")
KINDS = ("host", "model_worker", "supervisor", "ray", "other")
_ACTORS = {
    "HostActor": "host",
    "StreamActor": "host",
    "ModelWorkerActor": "model_worker",
    "SupervisorActor": "supervisor",
}
_RAYS_OWN = ("/ray/core/src/", "/ray/dashboard/", "/ray/_private/", "ray.scripts.scripts", "/ray/autoscaler/")
_CGROUP = Path("/sys/fs/cgroup")


class NodeCollector(Collector):
    """Reads all of it at each scrape; some milliseconds.

    Args:
        role: what the node is for.
        data: longtake's data folder, or None.
    """

    def __init__(self, role: str, data: Path | None, cgroup: Path = _CGROUP) -> None:
        self._build = {"version": version("longtake"), "python": platform.python_version(), "role": role}
        self._paths = [_existing(data)] if data else []
        self._cgroup = cgroup
        if SHARED_MEMORY.exists():
            self._paths.append(SHARED_MEMORY)

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("longtake_build_info", "What runs here.", labels=list(self._build))
        build.add_metric(list(self._build.values()), 1)
        yield build
        yield from self._memory()
        yield from self._disk()
        yield from _processor()
        about = "Memory of the node's processes that is theirs alone: without shared memory and files."
        yield _gauges("longtake_process_memory_bytes", about, "kind", memory_by_kind())

    def _memory(self) -> Iterator[Metric]:
        """Of the machine, or of the container where that may take less."""
        machine = psutil.virtual_memory()
        size, free = machine.total, machine.available
        allowed = _number(self._cgroup / "memory.max")
        if allowed is not None and allowed < size:
            used = (_number(self._cgroup / "memory.current") or 0) - _reclaimable(self._cgroup)
            size, free = allowed, min(free, max(0, allowed - used))
        yield GaugeMetricFamily("longtake_node_memory_available_bytes", "Memory that can be had.", free)
        yield GaugeMetricFamily("longtake_node_memory_size_bytes", "Memory there is.", size)

    def _disk(self) -> Iterator[Metric]:
        usage = {str(path): shutil.disk_usage(path) for path in self._paths if path.exists()}
        free = {path: found.free for path, found in usage.items()}
        size = {path: found.total for path, found in usage.items()}
        yield _gauges("longtake_node_disk_free_bytes", "Room where longtake writes.", "path", free)
        yield _gauges("longtake_node_disk_size_bytes", "Size of what longtake writes to.", "path", size)


def memory_by_kind(root: int | None = None) -> dict[str, int]:
    """Bytes of a process (this one) and all below it, by what they are.

    Anonymous memory: what is mapped of libraries and of Ray's store of clips is left out, or the sum would count it
    once for each process. The proportional set size would share it out, but takes 3 ms a process against 0.05, and the
    process stands still meanwhile.
    """
    found: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    process = psutil.Process(root)
    for one in (process, *process.children(recursive=True)):
        try:
            used = one.memory_info()
            found[_kind(one.cmdline())] += max(0, used.rss - used.shared)
        except psutil.Error:  # it has ended meanwhile
            continue
    return dict(found)


def _kind(command: list[str]) -> str:
    """By the title that Ray gives an actor's process, `ray::NAME:Class.method`, or the program that runs."""
    title = command[0] if command else ""
    if title.startswith("ray::"):
        return next((kind for actor, kind in _ACTORS.items() if actor in title), "ray")
    return "ray" if any(part in word for word in command[:4] for part in _RAYS_OWN) else "other"


def _processor() -> Iterator[Metric]:
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq  # guests are in `user`
    yield CounterMetricFamily("longtake_node_cpu_seconds", "Processor time of the machine, whoever took it.", busy)
    yield GaugeMetricFamily("longtake_node_cpus", "Processors of the machine.", os.cpu_count() or 1)


def _gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def _existing(folder: Path) -> Path:
    """The folder, or where it will be made."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _number(file: Path) -> int | None:
    """What a file of the control group says; None where there is none, or no limit."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _reclaimable(cgroup: Path) -> int:
    """Bytes of files that the kernel would drop if memory were wanted."""
    try:
        lines = (cgroup / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return int(dict(line.split() for line in lines).get("inactive_file", 0))
