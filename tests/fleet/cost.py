"""What a served fleet costs: processor time and memory, by the part it is for."""

from dataclasses import dataclass

import psutil

from bench.pss import MIB
from tests.chaos.processes import descendants

PARTS = {
    "supervisor": "SupervisorActor",
    "GCS": "gcs_server",
    "Redis": "redis-server",
    "raylet": "raylet",
    "hosts": "HostActor",
    "model worker": "ModelWorkerActor",
}
REST = "rest of Ray, serve"
CONTROL = ("supervisor", "GCS", "Redis")
"""What a fleet is led by, as opposed to what watches."""


@dataclass(frozen=True, slots=True)
class Cost:
    """By part: seconds of processor time since its processes began, and MiB of proportional set size."""

    cpu_s: dict[str, float]
    mib: dict[str, float]

    @classmethod
    def now(cls, serve: int, redis: int) -> "Cost":
        """Look at everything below `serve`, and at Redis."""
        parts = (*PARTS, REST)
        cpu_s, mib = dict.fromkeys(parts, 0.0), dict.fromkeys(parts, 0.0)
        for pid in {redis, *descendants(serve)}:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    part, times = _part(process), process.cpu_times()
                    cpu_s[part] += times.user + times.system
                    mib[part] += process.memory_full_info().pss / MIB
            except psutil.Error:
                continue  # it has ended meanwhile
        return cls(cpu_s, mib)


def _part(process: psutil.Process) -> str:
    title = " ".join(process.cmdline()[:1])
    return next((part for part, text in PARTS.items() if text in title), REST)
