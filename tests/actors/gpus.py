"""NVIDIA's library as if a machine had GPUs."""

from types import ModuleType, SimpleNamespace

GIB = 2**30


class NVMLError(Exception):
    pass


def nvml(gpus: int, silent: tuple[int, ...] = ()) -> ModuleType:
    """Return a stand-in for `pynvml`; `silent` GPUs do not say how busy they are."""
    module = ModuleType("pynvml")

    def rates(gpu: int) -> SimpleNamespace:
        if gpu in silent:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=25 * (gpu + 1), memory=10)

    module.__dict__.update(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: gpus,
        nvmlDeviceGetHandleByIndex=lambda gpu: gpu,
        nvmlDeviceGetMemoryInfo=lambda gpu: SimpleNamespace(used=(gpu + 1) * GIB, total=80 * GIB, free=0),
        nvmlDeviceGetUtilizationRates=rates,
    )
    return module


def without_driver() -> ModuleType:
    """The library is installed, but there is nothing it could ask."""
    module = nvml(0)

    def fail() -> None:
        raise NVMLError("Driver Not Loaded")

    module.__dict__["nvmlInit"] = fail
    return module
