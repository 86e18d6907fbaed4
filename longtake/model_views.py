"""Models as a person sees them in a terminal: those that come with longtake, the ladder's, and the layers of one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from longtake.wording import size
from pipeline.lane_queue import LaneLimits
from pipeline.models.card import ModelCard
from pipeline.models.figures import Figures
from pipeline.models.ladder import Row
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.writes import commit_writes
from pipeline.values import Checkpoint, ClipSpec, Commit, Scores

if TYPE_CHECKING:
    from pipeline.models.anatomy import Anatomy, Layer
    from pipeline.models.reach.values import Extent

_FLOAT_BYTES = 4
_WIDE = 100
_BETWEEN = 3  # cells that a table puts around a column
_NONE = "–"


def described(name: str, card: ModelCard) -> dict[str, Any]:
    """What a model with weights knows and looks at, and how it is built."""
    return {
        "name": name,
        "encoder": card.encoder.name,
        "temporal": card.temporal.name,
        "clip": _clip_in_words(card.clip),
        "labels": list(card.labels),
        "fingerprint": card.fingerprint,
    }


def architecture(name: str, row: Row, clip: ClipSpec, figures: Figures, weights: Sequence[str]) -> dict[str, Any]:
    """What one size of a row of the ladder costs."""
    return {
        "name": name,
        "row": row.number,
        "family": row.family,
        "paper": row.paper,
        "clip": _clip_in_words(clip),
        **_costs(figures),
        "weights": list(weights),
    }


def with_layers(name: str, card: ModelCard, anatomy: "Anatomy") -> dict[str, Any]:
    """What one model costs, layer by layer."""
    return {
        "name": name,
        "clip": _clip_in_words(card.clip),
        "labels": len(card.labels),
        **_costs(Figures.of(anatomy)),
        "store_bytes_per_s": round(store_bytes_per_s(card, anatomy.state_size)),
        "layers": [asdict(layer) for layer in anatomy.layers],
    }


def store_bytes_per_s(card: ModelCard, state_size: int) -> float:
    """What a live stream on which nothing happens sends to the timeline store, in bytes a second.

    Counted are the arguments of a commit's Redis commands: the position, the checkpoint with the memory's state and the
    segmenter's, and the scores of its steps. There is a commit for each clip, or one every `commit_every_s` where clips
    come faster. Not counted are segments, gaps and events, and what Redis' protocol and its log put around. A
    checkpoint replaces the one before it: of all this only scores add up, and those for hours.
    """
    step_s = card.clip.stride / card.clip.fps
    steps = max(1, ceil(LaneLimits().commit_every_s / step_s))
    commands = commit_writes(_quiet_commit(card, state_size, steps), StoreSettings())
    return sum(len(_bytes(one)) for command in commands for one in command) / (steps * step_s)


def listing(models: Sequence[Mapping[str, Any]], narrow: bool) -> Table:
    """Models with weights; how they are built only where there is room."""
    columns = ("name", "clip", "labels") if narrow else ("name", "clip", "encoder", "temporal", "fingerprint", "labels")
    view = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        view.add_column(column, no_wrap=column in ("name", "fingerprint"))
    for model in models:
        view.add_row(*(", ".join(model[one]) if one == "labels" else str(model[one]) for one in columns))
    return view


def ladder(architectures: Sequence[Mapping[str, Any]], narrow: bool) -> RenderableType:
    """The ladder's architectures, what each costs for one clip, and which of them come with weights."""
    view = Table(box=box.SIMPLE_HEAD, pad_edge=not narrow)
    view.add_column("architecture", no_wrap=True)
    if not narrow:
        view.add_column("family", no_wrap=True)
    view.add_column("clip", no_wrap=True)
    for column in ("parameters", "GMAC", "state"):
        view.add_column(column, justify="right", no_wrap=True)
    view.add_column("causal")
    if not narrow:
        view.add_column("weights", no_wrap=True)
    for one in architectures:
        clip = one["clip"].partition(",")[0]
        family, weights = ([], []) if narrow else ([one["family"]], [_weights(one["name"], one["weights"])])
        figures = _millions(one["parameters"]), _three_digits(one["gmac"]), _state(one["state_bytes"])
        view.add_row(one["name"], *family, clip, *figures, "yes" if one["causal"] else "no", *weights)
    words = (
        "GMAC: 10⁹ multiply-adds a clip; causal: could be run frame by frame\nits layers: longtake models show NAME\n"
    )
    return Group(view, Text(words, "dim"))


def _weights(name: str, models: Sequence[str]) -> str:
    """Which models have weights for an architecture; one that was published is such a model itself."""
    return "at hand" if name in models else ", ".join(models) or _NONE


def layers(name: str, card: ModelCard, anatomy: "Anatomy", width: int) -> RenderableType:
    """The totals of one model, then its layers, in a console of so many cells."""
    view = Table(box=box.SIMPLE_HEAD)
    view.add_column("layer", no_wrap=True)
    kinds = ("kind",) if width >= _WIDE else ()
    headings = (*kinds, "output", "time", "space", "parameters", "MMAC")
    for heading in headings:
        view.add_column(heading, justify="left" if heading in kinds else "right", no_wrap=True)
    rows = [((layer.kind,) if kinds else ()) + tuple(_layer_row(layer)) for layer in anatomy.layers]
    taken = sum(max(map(len, column)) + _BETWEEN for column in zip(headings, *rows, strict=True))
    for layer, row in zip(anatomy.layers, rows, strict=True):
        view.add_row(_tail(layer.name, width - taken - _BETWEEN - 1), *row)
    fields = "time, space: receptive field in frames and pixels / from neighbour to neighbour\n"
    return Group(*_totals(name, card, anatomy), view, Text(fields, "dim"))


def _totals(name: str, card: ModelCard, anatomy: "Anatomy") -> Iterator[Text]:
    figures = (f"{_millions(anatomy.parameters)} parameters", f"{_three_digits(anatomy.gmac)} GMAC a clip")
    yield Text(" · ".join((name, _clip_in_words(card.clip), f"{len(card.labels)} labels")), "italic")
    yield Text(" · ".join((*figures, "causal" if anatomy.causal else "not causal")))
    state = _FLOAT_BYTES * anatomy.state_size
    kept = f"remembers {size(state)} a stream" if state else "remembers nothing"
    yield Text(f"{kept} · sends the store {size(store_bytes_per_s(card, anatomy.state_size))}/s a stream")


def _layer_row(layer: "Layer") -> Iterator[str]:
    shape = layer.shape[1:] if layer.shape[:1] == (1,) else layer.shape
    yield "×".join(map(str, shape)) or _NONE
    yield from (_field(extent) if layer.shape else _NONE for extent in (layer.time, layer.space))
    yield f"{layer.parameters:,}" if layer.parameters else _NONE
    yield f"{layer.macs / 1e6:,.{0 if layer.macs >= 1e8 else 2}f}" if layer.macs else _NONE


def _tail(name: str, room: int) -> str:
    """As many of the last parts of a dotted name as there is room for."""
    if len(name) <= room:
        return name
    tail = name[1 - room :]
    return f"…{tail.partition('.')[2] or tail}"


def _field(extent: "Extent") -> str:
    return f"{'all' if extent.size is None else extent.size}{'' if extent.jump is None else f'/{extent.jump}'}"


def _costs(figures: Figures) -> dict[str, Any]:
    return {
        "parameters": figures.parameters,
        "gmac": figures.gmac,
        "state_bytes": _FLOAT_BYTES * figures.state_size,
        "causal": figures.causal,
    }


def _clip_in_words(clip: ClipSpec) -> str:
    return f"{clip.frames}×{clip.height}×{clip.width}, {clip.fps:.3g} fps, stride {clip.stride}"


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M"


def _three_digits(gmac: float) -> str:
    return f"{gmac:.3f}" if gmac < 1 else f"{gmac:.2f}" if gmac < 10 else f"{gmac:.1f}"


def _state(state_bytes: int) -> str:
    return size(state_bytes) if state_bytes else _NONE


def _quiet_commit(card: ModelCard, state_size: int, steps: int) -> Commit:
    """What a lane writes after some steps in which no segment began or ended."""
    segmenter = Segmenter("stream", card.fingerprint, Rules.from_card(card.labels, card.segmenter))
    probs = np.zeros(len(card.labels), np.float32)
    checkpoint = Checkpoint(
        stream="stream",
        epoch=0,
        step=steps - 1,
        origin_s=1.7e9,
        ordinal=0,
        pts_s=0.1,
        digest=bytes(16),
        until_s=1.7e9,
        answered_s=1.7e9,
        temporal_state=np.zeros(state_size, np.float32),
        segmenter_state=segmenter.pack(segmenter.initial_state()),
        pending_gap=None,
        numerics="0" * 32,
        model=card.fingerprint or "0" * 32,
        source="rtsp://camera/stream",
    )
    scores = tuple(Scores("stream", 0, step, 1.7e9, 1.7e9 + 0.1, probs) for step in range(steps))
    return Commit("stream", 0, 0, steps - 1, (), (), (), (), scores, checkpoint)


def _bytes(argument: str | bytes | int) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode()
