"""The methods by name."""

from importlib import import_module
from typing import Any, Protocol

from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.motion.dis import Dis
from pipeline.motion.vectors import Vectors
from pipeline.values import Float16Array, MotionSpec, Picture


class Method(Protocol):
    """One way to find motion; used from one thread at a time. What it finds depends on the two pictures only."""

    def seen(self, picture: Picture) -> NDArray[Any]:
        """Return what has to be kept of a picture, until the next one has come.

        Raises:
            SourceError: the picture cannot give it.
        """

    def between(self, before: NDArray[Any], after: NDArray[Any]) -> Float16Array:
        """Return the displacements from one picture to the next: 2×h×w (x, y) pixels of that size, none longer."""


def method_of(spec: MotionSpec) -> Method:
    """Return what finds the motion that `spec` asks for.

    Raises:
        ModelError: a network is asked for, and torch or its weights are not there.
    """
    if spec.method == "dis":
        return Dis(spec)
    if spec.method == "vectors":
        return Vectors(spec)
    try:  # torch is imported where it is needed only
        raft = import_module("pipeline.motion.raft")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"motion by raft needs {error.name}: install longtake[model] where videos are decoded"
        ) from None
    found: Method = raft.Raft(spec)
    return found
