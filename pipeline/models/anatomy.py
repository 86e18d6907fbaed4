"""The anatomy of a network: its layers, what each costs, and how much of a video each sees.

Everything is counted from the shapes that the network's own code makes, on the meta device: neither memory nor
arithmetic is spent, so the largest nets take milliseconds.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from pipeline.models.build import build
from pipeline.models.card import ModelCard
from pipeline.models.reach.follow import Reaches
from pipeline.models.reach.values import Extent, Index, Reach, plain
from pipeline.values import ClipSpec

_TIME, _SPACE = "T", ("H", "W")
_DRAWING = (Tensor.uniform_, Tensor.normal_)
_POOLING = nn.MaxPool2d.__module__


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, in the order of the calculation.

    Attributes:
        name: as in the network's state dict.
        kind: name of its class.
        shape: of what it gives, with the batch of one clip; frames that are looked at one by one stand in its front.
            Empty where a module only holds parameters for others, as learned positions.
        parameters: its own, and those of the norms behind it.
        macs: multiply-adds, of convolutions and matrix products.
        time: receptive field in frames of the clip; a memory sees all, and what looks at motion alone sees none.
        space: receptive field in pixels, the larger of height and width.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    time: Extent
    space: Extent


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A network's layers and its totals.

    Attributes:
        gmac: 10⁹ multiply-adds for one input.
        causal: were the clip longer, every layer would give the same at the times it has now, so the network could
            be run frame by frame; padding at the clip's end, and attention to all of it, are not causal.
        state_size: numbers that the temporal model remembers of a stream.
    """

    layers: tuple[Layer, ...]
    parameters: int
    gmac: float
    causal: bool
    state_size: int = 0


def dissect(card: ModelCard) -> Anatomy:
    """The anatomy of the model that a card describes: its encoder on one clip, then one step of its temporal model.

    Raises:
        ModelError: see `build`.
    """
    with torch.device("meta"), _Unfilled():
        model = build(card)
        clip, *motion = _inputs(card.clip)
        state_BS, gap_s_B = model.temporal.initial_state(1), torch.zeros(1)
    net = nn.ModuleDict({"encoder": model.encoder, "temporal": model.temporal}).eval()
    meter = _Meter(net, clip, "BTCHW")
    for fields in motion:
        meter.look_at(fields, "BLCHW")
    if state_BS.numel():
        meter.reaches.mark(state_BS, _remembered(state_BS, card.clip.frames))
    with meter:
        features = model.encoder(clip, *motion)
        with meter.within("temporal"):
            model.temporal.step(features, gap_s_B, state_BS)
    anatomy = meter.anatomy(model.temporal.state_size)
    return replace(anatomy, causal=meter.causal("encoder")) if model.temporal.of_frames else anatomy


def examine(net: nn.Module, shape: tuple[int, ...], axes: str) -> Anatomy:
    """The anatomy of any network that takes one tensor.

    Args:
        net: on the meta device (`with torch.device("meta")`); it is put into eval mode.
        shape: of the input, with a batch of one.
        axes: a letter for each of its dimensions; T, H and W are followed.
    """
    x = torch.empty(shape, device="meta")
    meter = _Meter(net.eval(), x, axes)
    with meter:
        net(x)
    return meter.anatomy()


def _inputs(spec: ClipSpec) -> list[Tensor]:
    """A clip of T×3×H×W pictures, and L×2×h×w motion where there is some."""
    clip = torch.empty(1, spec.frames, 3, spec.height, spec.width)
    motion = spec.motion
    return [clip] if motion is None else [clip, torch.empty(1, motion.pairs, 2, motion.height, motion.width)]


class _Unfilled(TorchFunctionMode):
    """Draws no weights: on the meta device most of the time would go into that."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in _DRAWING else func(*args, **(kwargs or {}))


def _remembered(state_BS: Tensor, frames: int) -> Reach:
    """A memory depends on every frame there was, and on all of the picture."""
    everywhere = dict.fromkeys(_SPACE, (-torch.inf, torch.inf))
    return Reach(plain(state_BS.shape), {_TIME: (-torch.inf, frames - 1), **everywhere})


@dataclass
class _Entry:
    """What is found out about one module: when it came, what it cost, what it gave."""

    order: int
    macs: int = 0
    output: Tensor | None = None
    parameters: int = 0


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its modes untyped
    """Counts what happens while it is entered, by the innermost module in which it happens."""

    def __init__(self, net: nn.Module, x: Tensor, axes: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._modules = dict(net.named_modules())
        self._leaves = {name for name, module in self._modules.items() if not any(module.children())}
        self._extents = {axis: x.shape[axes.index(axis)] if axis in axes else 1 for axis in (_TIME, *_SPACE)}
        self.reaches = Reaches(self._extents)
        self.look_at(x, axes)
        self._stack = [""]
        self._entries: dict[str, _Entry] = {}
        self._count = 0
        self._hooks = ExitStack()

    def __enter__(self) -> "_Meter":
        for name, module in self._modules.items():
            begin = module.register_forward_pre_hook(lambda *_, name=name: self._stack.append(name))
            end = module.register_forward_hook(lambda _, __, output, name=name: self._left(name, output))
            self._hooks.callback(begin.remove)
            self._hooks.callback(end.remove)
        self._hooks.enter_context(torch.no_grad())
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._hooks.close()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.reaches.follow(func, args, output)
        packet, self._count = func._overloadpacket, self._count + 1
        entry = self._entries.setdefault(self._stack[-1], _Entry(self._count))
        if packet in flop_registry:
            if not entry.macs:
                entry.order = self._count
            entry.macs += flop_registry[packet](*args, **(kwargs or {}), out_val=output) // 2
            entry.output = output
        return output

    def look_at(self, x: Tensor, axes: str) -> None:
        """Follow an input; the letters of its axes are those of the first one."""
        dims = tuple(
            (Index(n, axis, 1) if axis in self._extents else Index(n),) for axis, n in zip(axes, x.shape, strict=True)
        )
        self.reaches.mark(x, Reach(dims, {axis: (0, 0) for axis in self._extents if axis in axes}))

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Count for a module that is not called by `forward`."""
        self._stack.append(name)
        yield
        self._stack.pop()

    def anatomy(self, state_size: int = 0) -> Anatomy:
        """What was counted."""
        self._share_parameters()
        shown = sorted((name for name in self._entries if self._is_layer(name)), key=lambda n: self._entries[n].order)
        layers = tuple(self._layer(name) for name in shown)
        gmac = sum(entry.macs for entry in self._entries.values()) / 1e9
        return Anatomy(layers, sum(layer.parameters for layer in layers), gmac, self.causal(), state_size)

    def causal(self, part: str = "") -> bool:
        """Whether no layer of a part looks beyond the clip's end; see `Anatomy`."""
        layers = (name for name in self._entries if self._is_layer(name) and name.startswith(part))
        return not any(self._reach(name).reaches_beyond(_TIME, self._extents[_TIME]) for name in layers)

    def _left(self, name: str, output: Any) -> None:
        self._stack.pop()
        if name in self._leaves and name in self._entries:
            self._entries[name].output = _first_tensor(output)

    def _share_parameters(self) -> None:
        """Those of a norm go to the layer before it, those of a module that was not called to the one around it."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            own = [one for one in module.parameters(recurse=False) if id(one) not in seen]
            seen |= {id(one) for one in own}
            if own:
                self._entries[self._owner(name)].parameters += sum(one.numel() for one in own)

    def _owner(self, name: str) -> str:
        while name not in self._entries and name:
            name = name.rpartition(".")[0]
        entry = self._entries.setdefault(name, _Entry(0))
        if name not in self._leaves or entry.macs:
            return name
        before = [
            other for other in self._entries if self._multiplies(other) and self._entries[other].order < entry.order
        ]
        return max(before, key=lambda other: self._entries[other].order, default=name)

    def _multiplies(self, name: str) -> bool:
        return self._entries[name].macs > 0

    def _is_layer(self, name: str) -> bool:
        entry = self._entries[name]
        return bool(entry.macs or entry.parameters) or type(self._modules[name]).__module__ == _POOLING

    def _reach(self, name: str) -> Reach:
        output = self._entries[name].output
        reach = None if output is None else self.reaches.of(output)
        return reach or Reach((), {})

    def _layer(self, name: str) -> Layer:
        entry, reach = self._entries[name], self._reach(name)
        kind = type(self._modules[name]).__name__
        shape = () if entry.output is None else tuple(entry.output.shape)
        time = reach.extent(_TIME, self._extents[_TIME])
        height, width = (reach.extent(axis, self._extents[axis]) for axis in _SPACE)
        return Layer(name, kind, shape, entry.parameters, entry.macs, time, _larger(height, width))


def _larger(one: Extent, other: Extent) -> Extent:
    sizes, jumps = (one.size, other.size), (one.jump, other.jump)
    size = None if None in sizes else max(size for size in sizes if size is not None)
    return Extent(size, max((jump for jump in jumps if jump is not None), default=None))


def _first_tensor(output: Any) -> Tensor | None:
    return next((leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)), None)
