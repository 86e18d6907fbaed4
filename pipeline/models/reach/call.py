"""An ATen operation as the rules see it: what it was called with, and what that depends on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pipeline.models.reach.values import Reach


@dataclass(frozen=True)
class Call:
    """One operation.

    Attributes:
        given: the reaches of those of its arguments that depend on the input.
        axes: how long the input's axes are.
        of: says what a tensor depends on.
    """

    name: str
    arguments: Sequence[Any]
    given: Sequence[Reach]
    outputs: Sequence[Tensor]
    axes: Mapping[str, int]
    of: Callable[[Tensor], Reach | None]

    @property
    def first(self) -> Reach:
        """The reach of the first tensor that has one."""
        return self.given[0]

    @property
    def shape(self) -> torch.Size:
        """The shape of the first output."""
        return self.outputs[0].shape

    def argument(self, at: int, default: Any = None) -> Any:
        """A positional argument."""
        return self.arguments[at] if at < len(self.arguments) else default

    def axis(self, at: int, default: int = 0) -> int:
        """An argument that names a dimension of the first tensor, counted from the front."""
        return int(self.argument(at, default)) % len(self.first.dims)


Rule: TypeAlias = Callable[[Call], Iterator[Reach]]
"""Gives the reach of each of an operation's outputs."""
