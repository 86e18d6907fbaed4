"""Rules for convolution and pooling: a window slides along the last dimensions."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from pipeline.models.reach.call import Call
from pipeline.models.reach.layout import shifted
from pipeline.models.reach.mixing import unknown
from pipeline.models.reach.values import (
    Dim,
    Index,
    Reach,
    blurred,
    collapsed,
    indices,
    size_of,
)

_Window: TypeAlias = tuple[int, int, int, int]


def convolution(call: Call) -> Iterator[Reach]:
    """Every channel is looked at, and a window of positions."""
    weight, stride, padding, dilation, transposed = (call.arguments[at] for at in (1, 3, 4, 5, 6))
    if transposed:
        yield from unknown(call)
        return
    windows = _windows(weight.shape[2:], stride, padding, dilation)
    x = Reach(call.first.dims, collapsed(call.first.spans, call.first.dims[1]))
    slid = _slid(x, windows, call.shape)
    yield Reach((slid.dims[0], (Index(call.shape[1]),), *slid.dims[2:]), slid.spans)


def pool(call: Call) -> Iterator[Reach]:
    """A window of positions."""
    kernel = call.arguments[1]
    dilation = call.argument(4, 1) if call.name.startswith("max") else 1
    windows = _windows(kernel, call.argument(2) or kernel, call.argument(3, 0), dilation, int(call.name[8]))
    return (_slid(call.first, windows, call.shape) for _ in call.outputs)


def adaptive_pool(call: Call) -> Iterator[Reach]:
    """Windows as large as it takes to give so many positions."""
    sizes, x = call.arguments[1], call.first
    for at, after in zip(range(-len(sizes), 0), sizes, strict=True):
        before = size_of(x.dims[at])
        if after == 1 < before:
            dims = (*x.dims[:at], (Index(1),), *x.dims[len(x.dims) + at + 1 :])
            x = Reach(dims, collapsed(x.spans, x.dims[at]))
    given = [size_of(dim) for dim in x.dims[-len(sizes) :]]
    steps = [size // after for size, after in zip(given, sizes, strict=True)]
    wide = [size - (after - 1) * step for size, after, step in zip(given, sizes, steps, strict=True)]
    yield _slid(x, _windows(wide, steps, 0, 1), call.shape)


def padded(call: Call) -> Iterator[Reach]:
    """Positions are added before and behind, or taken away."""
    dims, spans = list(call.first.dims), dict(call.first.spans)
    for back, (before, _) in enumerate(zip(call.arguments[1][::2], call.arguments[1][1::2], strict=True), start=1):
        dims[-back], spans = shifted(dims[-back], spans, -before, call.shape[-back])
    yield Reach(tuple(dims), spans)


def _windows(kernel: Any, stride: Any, padding: Any, dilation: Any, count: int = 0) -> Sequence[_Window]:
    """Kernel, stride, padding and dilation of each dimension."""
    count = count or len(kernel)
    lists = ([size] * count if isinstance(size, int) else list(size) for size in (kernel, stride, padding, dilation))
    columns = [sizes * count if len(sizes) == 1 else sizes for sizes in lists]
    return list(zip(*columns, strict=True))


def _slid(x: Reach, windows: Sequence[_Window], shape: Sequence[int]) -> Reach:
    """A window slides along the last dimensions."""
    dims, spans = list(x.dims), dict(x.spans)
    for at, window in zip(range(-len(windows), 0), windows, strict=True):
        dims[at], spans = _slid_along(dims[at], spans, window, shape[at])
    return Reach(tuple(dims), spans)


def _slid_along(dim: Dim, spans: dict[str, Any], window: _Window, size: int) -> tuple[Dim, dict[str, Any]]:
    kernel, stride, padding, dilation = window
    if (kernel, stride, padding) == (1, 1, 0):
        return dim, spans
    if not any(indices(dim)):
        return (Index(size),), spans
    index = dim[0]
    if len(dim) > 1 or index.parts:
        return (Index(size),), dict(blurred(spans, dim))
    if index.axis in spans:
        (low, high), jump = spans[index.axis], index.jump
        spans[index.axis] = (low - padding * jump, high + ((kernel - 1) * dilation - padding) * jump)
    return (Index(size, index.axis, index.jump * stride),), spans
