"""Following a tensor through the operations of a network: the rules by name, and what is known so far."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from pipeline.models.reach import layout, mixing, sliding
from pipeline.models.reach.call import Call, Rule
from pipeline.models.reach.values import EVERYTHING, Reach, indices, plain, union

_KEEPING = {"fill_", "zero_", "normal_", "uniform_", "size", "stride", "sym_size"}
_FRESH = ("empty", "zeros", "ones", "full", "new_", "rand")
_VIEWS = {"slice", "select", "view", "permute", "transpose", "t", "unsqueeze", "squeeze", "expand", "split", "unbind"}
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        ("native_batch_norm", "_native_batch_norm_legit_no_training", "alias", "detach", "contiguous"), mixing.same
    ),
    **dict.fromkeys(("_to_copy", "lift_fresh", "native_dropout", "log_sigmoid_forward"), mixing.same),
    **dict.fromkeys(("copy_", "where"), mixing.broadcast),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"), sliding.pool),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), sliding.adaptive_pool),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), sliding.adaptive_pool),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "var", "std", "logsumexp"), mixing.reduce),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "squeeze", "unsqueeze"), layout.view),
    **dict.fromkeys(("transpose", "t"), layout.transpose),
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm"), mixing.matmul),
    **dict.fromkeys(("_softmax", "_safe_softmax", "_log_softmax"), mixing.softmax),
    **dict.fromkeys(("split", "split_with_sizes"), layout.split),
    **dict.fromkeys(("constant_pad_nd", "replication_pad2d", "replication_pad3d"), sliding.padded),
    "convolution": sliding.convolution,
    "permute": layout.permute,
    "expand": layout.expand,
    "slice": layout.slice_,
    "select": layout.select,
    "unbind": layout.unbind,
    "unfold": layout.unfold,
    "cat": layout.cat,
    "stack": layout.stack,
    "native_layer_norm": mixing.layer_norm,
}


class Reaches:
    """The reach of every tensor that depends on the input; told of each operation in order.

    Args:
        axes: letters of the input's axes that are followed, and how long they are.
    """

    def __init__(self, axes: Mapping[str, int]) -> None:
        self._axes = axes
        self._known: dict[int, tuple[Tensor, Reach]] = {}  # holds the tensors too, so that no id is given twice
        self._views: dict[int, tuple[Tensor, Tensor, Mapping[str, float]]] = {}

    def mark(self, tensor: Tensor, reach: Reach) -> None:
        """Say what a tensor depends on."""
        self._known[id(tensor)] = (tensor, reach)

    def of(self, tensor: Tensor) -> Reach | None:
        """What a tensor depends on, or None where not on the input."""
        return self._known[id(tensor)][1] if id(tensor) in self._known else None

    def follow(self, function: Any, arguments: Sequence[Any], outputs: Any) -> None:
        """Take note of what one ATen operation gave."""
        name = function._overloadpacket.__name__
        given = [reach for leaf in _tensors(arguments) if (reach := self.of(leaf))]
        if name in _VIEWS:
            for view in _tensors(outputs):
                self._views[id(view)] = (view, arguments[0], {})
        if not given or name in _KEEPING:
            return
        call = Call(name, arguments, given, _tensors(outputs), self._axes, self.of)
        rule = RULES.get(name) or (mixing.broadcast if torch.Tag.pointwise in function.tags else mixing.unknown)
        if name.startswith(_FRESH):
            rule = mixing.fresh
        for output, reach in zip(call.outputs, rule(call), strict=False):
            self.mark(output, reach)
        if name in _VIEWS:
            for view, moved in zip(call.outputs, _moved(rule, call), strict=False):
                self._views[id(view)] = (view, arguments[0], moved)
        if name.endswith("_"):
            self._pass_down(arguments[0])

    def _pass_down(self, view: Tensor) -> None:
        """What was written into a view is written into the tensor under it."""
        while id(view) in self._views:
            _, base, moved = self._views[id(view)]
            above, below = self._known[id(view)][1], self.of(base)
            if below is None:
                self.mark(base, Reach(plain(base.shape), dict.fromkeys(above.spans, EVERYTHING)))
            else:
                shifts = {axis: moved.get(axis, 0) for axis in above.spans}
                spans = {axis: (low - shifts[axis], high - shifts[axis]) for axis, (low, high) in above.spans.items()}
                self.mark(base, Reach(below.dims, union([below.spans, spans])))
            view = base


def _moved(rule: Rule, call: Call) -> Iterator[Mapping[str, float]]:
    """How many input positions lie between index 0 of each view and of what it is a view of."""
    axes = {index.axis for dim in call.first.dims for index in indices(dim)}
    probe = Reach(call.first.dims, dict.fromkeys(axes, (0, 0)))
    for view in rule(replace(call, given=[probe])):
        yield {axis: low for axis, (low, _) in view.spans.items() if low > -inf}


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
