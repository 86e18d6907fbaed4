"""Rules for operations that only move numbers: views, slices, concatenations."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.models.reach.call import Call
from pipeline.models.reach.mixing import joined, unknown
from pipeline.models.reach.values import (
    Dim,
    Index,
    Reach,
    blurred,
    indices,
    plain,
    size_of,
    union,
)


def view(call: Call) -> Iterator[Reach]:
    """The same numbers in dimensions of other sizes."""
    dims = _regrouped(call.first.dims, call.shape)
    return unknown(call) if dims is None else iter([Reach(dims, call.first.spans)])


def _regrouped(dims: Sequence[Dim], shape: Sequence[int]) -> tuple[Dim, ...] | None:
    """The same indices in dimensions of other sizes; None where they do not fall on its borders."""
    left = [index for dim in dims for index in dim if index.size != 1]
    grouped = []
    for size in shape:
        group: list[Index] = []
        while size > 1:
            index = left.pop(0)
            if size % index.size:
                if index.size % size or index.parts:
                    return None
                inner = index.size // size
                left.insert(0, Index(inner, index.axis, index.jump))
                index = Index(size, index.axis, index.jump * inner)
            group.append(index)
            size //= index.size
        grouped.append(tuple(group))
    return tuple(grouped)


def permute(call: Call) -> Iterator[Reach]:
    """The dimensions in another order."""
    yield Reach(tuple(call.first.dims[at] for at in call.arguments[1]), call.first.spans)


def transpose(call: Call) -> Iterator[Reach]:
    """Two dimensions change places."""
    dims = list(call.first.dims)
    one, other = (0, len(dims) - 1) if call.name == "t" else (call.axis(1), call.axis(2))
    dims[one], dims[other] = dims[other], dims[one]
    yield Reach(tuple(dims), call.first.spans)


def expand(call: Call) -> Iterator[Reach]:
    """Dimensions of one number become longer."""
    new = len(call.shape) - len(call.first.dims)
    dims = [
        dim if size_of(dim) == size else (Index(size),)
        for dim, size in zip(call.first.dims, call.shape[new:], strict=True)
    ]
    yield Reach((*plain(call.shape[:new]), *dims), call.first.spans)


def slice_(call: Call) -> Iterator[Reach]:
    """A part of a dimension."""
    axis, step = call.axis(1), call.argument(4, 1)
    yield _cut(call.first, axis, call.argument(2) or 0, call.shape[axis], step)


def _cut(x: Reach, axis: int, start: int, size: int, step: int = 1) -> Reach:
    start = min(max(start + size_of(x.dims[axis]) if start < 0 else start, 0), size_of(x.dims[axis]))
    dim, spans = shifted(x.dims[axis], dict(x.spans), start, size, step)
    return Reach((*x.dims[:axis], dim, *x.dims[axis + 1 :]), spans)


def shifted(dim: Dim, spans: dict[str, Any], start: int, size: int, step: int = 1) -> tuple[Dim, dict[str, Any]]:
    """`size` indices of a dimension, every `step` from `start`; those outside hold what is at its ends."""
    if (start, size, step) == (0, size_of(dim), 1):
        return dim, spans
    if not any(indices(dim)):
        return (Index(size),), spans
    index = dim[0]
    if len(dim) == 1 and index.parts:
        return _part(index, spans, start, size)
    if len(dim) > 1:
        return (Index(size),), dict(blurred(spans, dim))
    if index.axis in spans:
        spans[index.axis] = tuple(end + start * index.jump for end in spans[index.axis])
    return (Index(size, index.axis, index.jump * step),), spans


def _part(whole: Index, spans: dict[str, Any], start: int, size: int) -> tuple[Dim, dict[str, Any]]:
    """A slice of a concatenation is one of its parts, or of unknown content."""
    at = 0
    for part in whole.parts:
        if (at, size_of(part)) == (start, size):
            return part, spans
        at += size_of(part)
    return (Index(size),), dict(blurred(spans, (whole,)))


def select(call: Call) -> Iterator[Reach]:
    """One position of a dimension."""
    yield _picked(call.first, call.axis(1), call.arguments[2])


def _picked(x: Reach, axis: int, at: int) -> Reach:
    one = _cut(x, axis, at, 1)
    return Reach((*one.dims[:axis], *one.dims[axis + 1 :]), one.spans)


def unbind(call: Call) -> Iterator[Reach]:
    """Every position of a dimension."""
    axis = call.axis(1)
    return (_picked(call.first, axis, at) for at in range(len(call.outputs)))


def split(call: Call) -> Iterator[Reach]:
    """Several parts of a dimension."""
    axis, at = call.axis(2), 0
    for output in call.outputs:
        yield _cut(call.first, axis, at, output.shape[axis])
        at += output.shape[axis]


def cat(call: Call) -> Iterator[Reach]:
    """Tensors one after the other in a dimension."""
    axis = int(call.argument(1, 0)) % len(call.shape)
    reaches = [(call.of(tensor), tensor.shape) for tensor in call.arguments[0]]
    whole = [Reach(plain(shape), {}) if reach is None else reach for reach, shape in reaches]
    parts = [reach.dims[axis] for reach in whole]
    rest = joined([Reach((*r.dims[:axis], (), *r.dims[axis + 1 :]), r.spans) for r in whole], _but(call.shape, axis))
    along = any(index for part in parts for index in indices(part))
    dim: Dim = (Index(call.shape[axis], parts=tuple(parts) if along else ()),)
    yield Reach((*rest.dims[:axis], dim, *rest.dims[axis + 1 :]), union([reach.spans for reach in whole]))


def _but(shape: Sequence[int], axis: int) -> Sequence[int]:
    return [1 if at == axis else size for at, size in enumerate(shape)]


def stack(call: Call) -> Iterator[Reach]:
    """Tensors one after the other in a new dimension."""
    axis = int(call.argument(1, 0)) % len(call.shape)
    rest = joined(call.given, [*call.shape[:axis], *call.shape[axis + 1 :]])
    yield Reach((*rest.dims[:axis], (Index(call.shape[axis]),), *rest.dims[axis:]), rest.spans)


def unfold(call: Call) -> Iterator[Reach]:
    """Windows along a dimension: it runs from window to window, a new last one within them."""
    axis, width, step = call.axis(1), call.arguments[2], call.arguments[3]
    dim = call.first.dims[axis]
    index, spans = dim[0] if len(dim) == 1 and not dim[0].parts else Index(size_of(dim)), call.first.spans
    if index not in dim:
        spans = blurred(spans, dim)
    along, within = Index(call.shape[axis], index.axis, index.jump * step), Index(width, index.axis, index.jump)
    yield Reach((*call.first.dims[:axis], (along,), *call.first.dims[axis + 1 :], (within,)), spans)
