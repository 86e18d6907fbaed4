"""Weights are safetensors and nothing else: a pickle can run code when it is opened, so it is refused unopened."""

import json
from pathlib import Path

from pipeline.errors import ModelError

_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_HEADER_LIMIT = 16 * 2**20


def require_safetensors(path: Path) -> None:
    """Check, without loading them, that the weights at `path` are whole and that no pickle lies beside them.

    Raises:
        ModelError: there is a pickle, no file, another format, or a file cut short.
    """
    pickles = sorted(p.name for p in path.parent.iterdir() if p.suffix in _PICKLES)
    if pickles:
        raise ModelError(
            f"{path.parent} holds a pickle ({', '.join(pickles)}); longtake never opens one: "
            f"convert the weights to {path.name} and remove it"
        )
    if not path.is_file():
        raise ModelError(f"{path.parent} has no {path.name}")
    problem = _problem(path)
    if problem:
        raise ModelError(f"{path} is not a safetensors file: {problem}")


def _problem(path: Path) -> str:
    """What is wrong with the file's frame, or nothing. The format: length (8 bytes), JSON header, data."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(size - 8, _HEADER_LIMIT):
            pickle = start.startswith((b"\x80", b"PK"))
            return "it is a pickle, which longtake never opens" if pickle else "its header is missing or cut short"
        header = file.read(length)
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "its header is not the JSON it should be"
    if size != 8 + length + max(ends, default=0):
        return f"its header speaks of {max(ends, default=0)} bytes of weights, the file has {size - 8 - length}"
    return ""
