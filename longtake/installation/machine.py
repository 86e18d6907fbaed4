"""What this machine can compute with, decode, and listen on."""

import errno
import importlib.util
import platform
import socket
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from longtake.installation.finding import Finding, broken, doubtful, fine

_SOFTWARE = {"longtake": "longtake", "Ray": "ray", "PyTorch": "torch", "PyAV": "av", "redis-py": "redis"}
CODECS = ("h264", "hevc", "av1", "vp9", "mjpeg")
_EVERYWHERE = "h264"
_NVDEC = ("h264_cuvid", "hevc_cuvid")
_DRIVER = Path("/proc/driver/nvidia/version")
NO_TORCH = "this machine can decode, not compute: fine for a node of that role, else pip install 'longtake[model]'"


def look_software() -> list[Finding]:
    """Tell what is installed: the first thing anybody who helps will ask."""
    numbers = {name: _version(package) for name, package in _SOFTWARE.items()}
    told = ", ".join(f"{name} {number}" for name, number in numbers.items() if number)
    return [fine("software", f"{told}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@dataclass(frozen=True, slots=True)
class Gpus:
    """What there is of GPUs.

    Attributes:
        devices: names, as PyTorch sees them.
        driver: version of NVIDIA's, empty where there is none.
        cuda: version that PyTorch was built for, empty where it was built without.
        trouble: what PyTorch says of why it sees none.
        torch: PyTorch is installed.
    """

    devices: tuple[str, ...] = ()
    driver: str = ""
    cuda: str = ""
    trouble: str = ""
    torch: bool = True


def look_gpus(asked: bool) -> list[Finding]:
    """Judge the GPUs, and what they decode."""
    return [gpu(gpus(), asked)]


def gpus() -> Gpus:
    """Ask PyTorch and the driver."""
    driver = _driver()
    if importlib.util.find_spec("torch") is None:
        return Gpus(driver=driver, torch=False)
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    devices = tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())) if there else ()
    trouble = "; ".join(str(one.message).split("\n")[0] for one in said)
    return Gpus(devices, driver, torch.version.cuda or "", trouble)


def gpu(gpus: Gpus, asked: bool) -> Finding:
    """Models run on a GPU, where there is one or one is asked for."""
    cuda = f"PyTorch for CUDA {gpus.cuda}" if gpus.cuda else "PyTorch without CUDA"
    if gpus.devices:
        return fine("GPU", f"{', '.join(gpus.devices)}; driver {gpus.driver or 'unknown'}, {cuda}")
    if not gpus.torch:
        judge = broken if asked else doubtful if gpus.driver else None
        found = "PyTorch is not installed" + (f", the driver {gpus.driver} is" if gpus.driver else "")
        return judge("GPU", found, NO_TORCH) if judge else fine("GPU", "none, and no PyTorch to use one")
    if gpus.driver:
        found = f"driver {gpus.driver}, but PyTorch sees no GPU" + (f": {gpus.trouble}" if gpus.trouble else "")
        advice = f"install a driver for CUDA {gpus.cuda} or newer (nvidia-smi names what yours can)"
        if not gpus.cuda:
            advice = "install the PyTorch of PyPI, which brings CUDA"
        return (broken if asked else doubtful)("GPU", found, advice)
    if asked:
        advice = "install NVIDIA's driver; for containers also its container toolkit, and give them the GPU: --gpus all"
        return broken("GPU", "none: there is no NVIDIA driver", advice)
    return fine("GPU", "none: models run on the processor")


def look_decoders() -> list[Finding]:
    """Judge what the FFmpeg of PyAV decodes."""
    import av

    return [decoders(av.codecs_available, bool(_driver()))]


def decoders(codecs: Collection[str], gpu: bool) -> Finding:
    """What cameras and recordings use is decoded."""
    there = [codec for codec in CODECS if codec in codecs]
    missing = [codec for codec in CODECS if codec not in codecs]
    nvdec = [codec for codec in _NVDEC if codec in codecs] if gpu else []
    found = ", ".join(there + nvdec) + (f"; not {', '.join(missing)}" if missing else "")
    if missing:
        advice = "install PyAV's own wheel, which brings its FFmpeg: pip install --force-reinstall av"
        return (broken if _EVERYWHERE in missing else doubtful)("decoders", found, advice)
    return fine("decoders", found)


def look_port(port: int, host: str) -> list[Finding]:
    """Judge whether metrics can be served at a port."""
    try:
        with socket.create_server((host, port)):
            return [fine("metrics port", f"{port} is free")]
    except OSError as error:
        return [taken(port, error, _listener(port))]


def taken(port: int, error: OSError, by: str) -> Finding:
    """Somebody else listens there, or this user may not."""
    if error.errno == errno.EADDRINUSE:
        found = f"{port} is taken" + (f" by {by}" if by else "")
        return broken("metrics port", found, "end that (another longtake?), or give another --metrics-port")
    return broken("metrics port", f"{port}: {error.strerror}", "give another --metrics-port or --metrics-host")


def _listener(port: int) -> str:
    """Name and id of the process that listens at a port; empty where this user may not know."""
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
                return f"{psutil.Process(one.pid).name()} (process {one.pid})"
    except psutil.Error:
        return ""
    return ""


def _driver() -> str:
    """Version of NVIDIA's kernel driver: a number with dots in a line of words."""
    if not _DRIVER.exists():
        return ""
    words = _DRIVER.read_text().split("\n")[0].split()
    return next((word for word in words if word.replace(".", "").isdigit() and "." in word), "unknown")
