"""Weights as torchvision publishes them: found, fetched, checked, read. No pickle of anything but tensors is opened."""

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from pipeline.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

VARIABLE = "LONGTAKE_WEIGHTS_DIR"
_DIGITS = re.compile(r"-([0-9a-f]{8,})\.")
_SHOWN = 5


def published_file(weights: Any) -> Path:
    """The file of published weights, looked for in `LONGTAKE_WEIGHTS_DIR` and torch hub's folder, else fetched.

    Args:
        weights: of torchvision's enums.

    Raises:
        ModelError: it is nowhere and cannot be fetched, or its SHA-256 does not begin with the digits in its name.
    """
    name = Path(weights.url).name
    path = find(name) or _fetched(weights.url, folders()[0] / name)
    digits, digest = _expected(name), _sha256(path)
    if not digest.startswith(digits):
        raise ModelError(
            f"{path} is not what was published: its SHA-256 begins with {digest[:8]}, not {digits}; remove it"
        )
    return path


def find(name: str) -> Path | None:
    """The file of this name where weights are looked for. Needs no torch."""
    return next((path for folder in folders() if (path := folder / name).is_file()), None)


def folders() -> list[Path]:
    """Where weights are looked for; a file that is fetched is put into the first. Needs no torch."""
    cache = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    given = [Path(os.environ[VARIABLE]).expanduser()] if os.environ.get(VARIABLE) else []
    return [*given, Path(cache).expanduser() / "hub" / "checkpoints"]


def load_state(path: Path) -> "dict[str, Tensor]":
    """The tensors in a file, by name.

    Raises:
        ModelError: the file cannot be read, or holds something else than tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise ModelError(f"{path} holds something else than tensors, and longtake opens no other pickle") from None
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError(f"{path} cannot be read: {(str(error) or 'it is cut short').splitlines()[0]}") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"{path} holds something else than tensors by name")
    return dict(state)


def fit(net: "nn.Module", state: "Mapping[str, Tensor]", origin: str) -> None:
    """Give a net all of its weights.

    Args:
        origin: what to call the weights in an error.

    Raises:
        ModelError: a weight is missing, left over or of another shape; the net is left as it was.
    """
    own = net.state_dict()
    missing = {key for key in own.keys() - state.keys() if not key.endswith("num_batches_tracked")}  # new in torch 0.4
    wrong = (
        missing | (state.keys() - own.keys()) | {k for k in own.keys() & state.keys() if own[k].shape != state[k].shape}
    )
    if wrong:
        named = ", ".join(sorted(wrong)[:_SHOWN])
        raise ModelError(f"the weights in {origin} are not those of this net; {len(wrong)} do not fit, as {named}")
    net.load_state_dict(state, strict=False)


def _fetched(url: str, path: Path) -> Path:
    from torch.hub import download_url_to_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download_url_to_file(url, str(path), _expected(path.name), progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"{path.name}, whose SHA-256 begins with {_expected(path.name)}, is not here and could not be fetched from "
            f"{url} ({error}): put it into {path.parent}, or into a folder that {VARIABLE} names"
        ) from None
    return path


def _expected(name: str) -> str:
    """The digits in a file's name."""
    found = _DIGITS.search(name)
    if not found:
        raise ModelError(f"{name} says nothing of its SHA-256, so it cannot be checked")
    return found[1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
