"""What NVIDIA's management library tells of a node's GPUs. Without GPU, driver or library there is nothing to tell."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class GpuCollector(Collector):
    """Asks at each scrape; what a GPU does not tell has no series."""

    def __init__(self) -> None:
        self._nvml = _library()

    def collect(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("longtake_gpu_memory_used_bytes", "Memory in use, whoever uses it.", labels=("gpu",))
        size = GaugeMetricFamily("longtake_gpu_memory_total_bytes", "Memory there is.", labels=("gpu",))
        busy = GaugeMetricFamily("longtake_gpu_utilisation_ratio", "Share of time that it computed.", labels=("gpu",))
        for gpu in range(self._told("nvmlDeviceGetCount") or 0):
            handle = self._told("nvmlDeviceGetHandleByIndex", gpu)
            if (memory := self._told("nvmlDeviceGetMemoryInfo", handle)) is not None:
                used.add_metric((str(gpu),), memory.used)
                size.add_metric((str(gpu),), memory.total)
            if (rates := self._told("nvmlDeviceGetUtilizationRates", handle)) is not None:
                busy.add_metric((str(gpu),), rates.gpu / 100)
        yield from (used, size, busy)

    def _told(self, question: str, *about: Any) -> Any:
        """The answer to a question of the library; None where it has none."""
        if self._nvml is None or None in about:
            return None
        try:
            return getattr(self._nvml, question)(*about)
        except self._nvml.NVMLError:
            return None


def _library() -> Any:
    """The library, ready to be asked; None where it or the driver is missing."""
    try:
        nvml = import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml
