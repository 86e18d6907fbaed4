"""What the containers cost: memory and processor time by service, and the size of images."""

import threading
import time
from dataclasses import dataclass

import psutil

from bench.pss import MIB
from tests.chaos.processes import descendants
from tests.e2e.engine import Project

CONTROL = ("ray-head", "longtake", "redis")
"""What leads; the others work or watch."""
IMAGES = ("decode", "control", "model", "camera")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one service: MiB of proportional set size, and percent of one core."""

    mib: float
    percent: float


def at_rest(project: Project, seconds: float) -> dict[str, Cost]:
    """Look at every service twice, `seconds` apart."""
    before, began_s = _looked(project), time.monotonic()
    threading.Event().wait(seconds)
    after, took_s = _looked(project), time.monotonic() - began_s
    return {
        service: Cost(mib, 100 * (cpu_s - before[service][1]) / took_s)
        for service, (mib, cpu_s) in after.items()
        if service in before
    }


def image_mib(project: Project) -> dict[str, float]:
    """Sizes of the images that are built here; layers they share count in each."""
    return {one: project.inspected(f"longtake-{one}:0.1.0")["Size"] / MIB for one in IMAGES}


def _looked(project: Project) -> dict[str, tuple[float, float]]:
    """By service: MiB, and seconds of processor time since its processes began."""
    return {service: _sum(project, service) for service in project.services if project.containers(service)}


def _sum(project: Project, service: str) -> tuple[float, float]:
    mib = cpu_s = 0.0
    for container in project.containers(service):
        for pid in descendants(project.inspected(container)["State"]["Pid"]):
            try:
                process = psutil.Process(pid)
                times = process.cpu_times()
                mib += process.memory_full_info().pss / MIB
                cpu_s += times.user + times.system
            except psutil.Error:
                continue  # it has ended meanwhile
    return mib, cpu_s
