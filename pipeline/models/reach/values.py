"""Dimensions that know what of the input runs along them, and the receptive fields of numbers in them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import TypeAlias

Spans: TypeAlias = Mapping[str, tuple[float, float]]
EVERYTHING = (-inf, inf)


@dataclass(frozen=True)
class Index:
    """What runs along a dimension, or along a factor of one that several were merged into.

    Attributes:
        axis: letter of the input's axis, empty where it is none of those followed (channels, heads).
        jump: input positions between neighbours.
        parts: what runs along each part, where the dimension is a concatenation.
    """

    size: int
    axis: str = ""
    jump: int = 0
    parts: "tuple[Dim, ...]" = ()


Dim: TypeAlias = tuple[Index, ...]


@dataclass(frozen=True)
class Extent:
    """A receptive field along one axis.

    Attributes:
        size: input positions that one number depends on; None where on all of them.
        jump: input positions between neighbours; None where the map has no neighbours along the axis.
    """

    size: int | None
    jump: int | None


@dataclass(frozen=True)
class Reach:
    """What a tensor's numbers depend on.

    Attributes:
        dims: what runs along each dimension, outermost first.
        spans: by axis, first and last input position of the number at index 0 of everything.
    """

    dims: tuple[Dim, ...]
    spans: Spans

    def extent(self, axis: str, positions: int) -> Extent:
        """Along one axis, of an input that has so many positions there."""
        low, high = self.spans.get(axis, (0, -1))
        jumps, everything = [index.jump for index in self._along(axis)], low == -inf
        if not jumps:
            low, high = max(low, 0), min(high, positions - 1)
            everything = everything or high - low + 1 == positions > 1
        return Extent(None if everything else int(high - low + 1), min(jumps, default=None))

    def reaches_beyond(self, axis: str, positions: int) -> bool:
        """Whether numbers would change if the input went on behind its end, or it cannot be told whether."""
        along, high = self._along(axis), self.spans.get(axis, (0, -1))[1]
        last = high + sum((index.size - 1) * index.jump for index in along)
        return high == inf or (bool(along) and last > positions - 1)

    def _along(self, axis: str) -> list[Index]:
        return [index for dim in self.dims for index in indices(dim) if index.axis == axis]


def plain(shape: Iterable[int]) -> tuple[Dim, ...]:
    """Dimensions along which nothing of the input runs."""
    return tuple((Index(size),) for size in shape)


def indices(dim: Dim) -> Iterator[Index]:
    """What runs along a dimension and is of the input."""
    for index in dim:
        if index.parts:
            yield from (inner for part in index.parts for inner in indices(part))
        elif index.axis:
            yield index


def size_of(dim: Dim) -> int:
    """How long a dimension is."""
    return prod(index.size for index in dim)


def union(spans: Sequence[Spans]) -> Spans:
    """The spans of numbers that depend on what each of several depends on."""
    axes = {axis for one in spans for axis in one}
    ends = {axis: [one[axis] for one in spans if axis in one] for axis in axes}
    return {axis: (min(low for low, _ in both), max(high for _, high in both)) for axis, both in ends.items()}


def collapsed(spans: Spans, dim: Dim) -> Spans:
    """The spans of numbers that depend on a whole dimension and run along it no more."""
    spans = dict(spans)
    for index in indices(dim):
        if index.axis in spans:
            low, high = spans[index.axis]
            spans[index.axis] = (low, high + (index.size - 1) * index.jump)
    return spans


def mixed(spans: Spans, dim: Dim, axes: Mapping[str, int]) -> Spans:
    """The spans of numbers that depend on a whole dimension which they still run along, in an input of such `axes`."""
    whole, spans = collapsed(spans, dim), dict(spans)
    for index in indices(dim):
        if index.axis in spans:
            (low, high), reach = spans[index.axis], (index.size - 1) * index.jump
            all_of_it = whole[index.axis][0] <= 0 and whole[index.axis][1] >= axes[index.axis] - 1
            spans[index.axis] = EVERYTHING if all_of_it else (low - reach, high + reach)
    return spans


def blurred(spans: Spans, dim: Dim) -> Spans:
    """The spans where it can no longer be told what runs along a dimension."""
    return {**spans, **{index.axis: EVERYTHING for index in indices(dim)}}
