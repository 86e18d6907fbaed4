"""Finds the numerics profile of this machine."""

import platform
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from pipeline.models.numerics import Numerics

_FAST_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def detect_numerics(device: Literal["auto", "cpu", "cuda"] = "auto") -> Numerics:
    """The fastest profile of this machine: CUDA before CPU, bfloat16 only where the hardware is fast at it.

    Raises:
        ValueError: CUDA was asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda was asked for, but torch sees no CUDA device here; choose cpu or auto")
    return _cpu() if device == "cpu" or not torch.cuda.is_available() else _cuda()


def _cpu() -> Numerics:
    fields = _cpuinfo()
    name = " ".join(fields.get(key, "?") for key in ("vendor_id", "cpu family", "model"))
    return Numerics(
        device=f"cpu {name if fields else platform.machine()}",
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        dtype="bfloat16" if _FAST_BF16_FLAGS & set(fields.get("flags", "").split()) else "float32",
        threads=1,
        libraries=_libraries(),
        encode_bucket=1,
        remember_bucket=16,
    )


def _cuda() -> Numerics:
    capability = torch.cuda.get_device_capability()
    return Numerics(
        device=f"cuda {torch.cuda.get_device_name()}",
        instruction_set=f"sm_{capability[0]}{capability[1]}",
        dtype="bfloat16" if capability >= (8, 0) else "float32",
        threads=1,
        libraries=(*_libraries(), ("cuda", str(torch.version.cuda)), ("cudnn", _cudnn_version())),
        encode_bucket=8,
        remember_bucket=16,
    )


def _cudnn_version() -> str:
    return str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]


def _libraries() -> tuple[tuple[str, str], ...]:
    return ("numpy", np.__version__), ("torch", torch.__version__)


def _cpuinfo() -> dict[str, str]:
    """The first processor's entries, as Linux tells them; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}
