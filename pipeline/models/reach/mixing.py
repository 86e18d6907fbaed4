"""Rules for operations in which numbers at one place, or at all places of a dimension, come together."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.models.reach.call import Call
from pipeline.models.reach.values import (
    EVERYTHING,
    Dim,
    Index,
    Reach,
    Spans,
    blurred,
    collapsed,
    indices,
    mixed,
    plain,
    size_of,
    union,
)


def unknown(call: Call) -> Iterator[Reach]:
    """Nothing is known of the operation: each number may depend on everything."""
    spans = dict.fromkeys((axis for reach in call.given for axis in reach.spans), EVERYTHING)
    return (Reach(plain(output.shape), spans) for output in call.outputs)


def same(call: Call) -> Iterator[Reach]:
    """Nothing is mixed."""
    yield call.first


def fresh(call: Call) -> Iterator[Reach]:
    """A tensor like another, but of constants."""
    dims = call.first.dims
    same = len(dims) == len(call.shape) and all(map(_fits, dims, call.shape))
    yield Reach(dims if same else plain(call.shape), {})


def _fits(dim: Dim, size: int) -> bool:
    return size_of(dim) == size


def broadcast(call: Call) -> Iterator[Reach]:
    """What is calculated position by position."""
    yield joined(call.given, call.shape)


def joined(reaches: Sequence[Reach], shape: Sequence[int]) -> Reach:
    """What depends on several tensors at once, aligned from the right."""
    spans, dims = dict(union([reach.spans for reach in reaches])), []
    for back in range(len(shape), 0, -1):
        aligned = [reach.dims[-back] for reach in reaches if len(reach.dims) >= back]
        found = {dim for dim in aligned if any(indices(dim)) and size_of(dim) == shape[-back]}
        if len(found) == 1:
            dims.append(found.pop())
        else:
            dims.append((Index(shape[-back]),))
            for dim in found:
                spans = dict(blurred(spans, dim))
    axes = {index.axis for dim in dims for index in indices(dim)}
    for reach in reaches:  # one number for all positions meets one number for each
        own = {index.axis for dim in reach.dims for index in indices(dim)}
        spans |= {axis: EVERYTHING for axis in reach.spans if axis in axes - own}
    return Reach(tuple(dims), spans)


def reduce(call: Call) -> Iterator[Reach]:
    """A mean, sum or maximum over dimensions."""
    axes = call.argument(1)
    chosen = range(len(call.first.dims)) if axes in (None, []) else [axes] if isinstance(axes, int) else axes
    gone = {axis % len(call.first.dims) for axis in chosen}
    spans = call.first.spans
    for axis in gone:
        spans = collapsed(spans, call.first.dims[axis])
    kept = len(call.shape) == len(call.first.dims)
    dims = [(Index(1),) if at in gone else dim for at, dim in enumerate(call.first.dims) if kept or at not in gone]
    return (Reach(tuple(dims), spans) for _ in call.outputs)


def matmul(call: Call) -> Iterator[Reach]:
    """A matrix product: the last dimension of the left side goes, that of the right side comes."""
    left, right = (call.of(tensor) for tensor in call.arguments[-2:])
    if left is None:
        assert right is not None, "a bias alone is no product"
        dims = (*right.dims[:-2], (Index(call.shape[-2]),), right.dims[-1])
        yield Reach(dims, collapsed(right.spans, right.dims[-2]))
        return
    dims, spans = (*left.dims[:-1], (Index(call.shape[-1]),)), collapsed(left.spans, left.dims[-1])
    yield Reach(dims, spans if right is None else union([spans, _attended(right, dims, call.axes)]))


def _attended(right: Reach, dims: Sequence[Dim], axes: Mapping[str, int]) -> Spans:
    """Both sides of the product depend on the input, as in attention: all of the right side is looked at."""
    running = {index.axis for dim in dims for index in indices(dim)}
    spans = right.spans
    for dim in right.dims[-2:]:
        still = any(index.axis in running for index in indices(dim))
        spans = mixed(spans, dim, axes) if still else collapsed(spans, dim)
    return spans


def softmax(call: Call) -> Iterator[Reach]:
    """Each number depends on its whole dimension."""
    yield Reach(call.first.dims, mixed(call.first.spans, call.first.dims[call.axis(1)], call.axes))


def layer_norm(call: Call) -> Iterator[Reach]:
    """Each number depends on all of the last dimensions."""
    spans = call.first.spans
    for dim in call.first.dims[-len(call.arguments[1]) :]:
        spans = mixed(spans, dim, call.axes)
    yield Reach(call.first.dims, spans)
