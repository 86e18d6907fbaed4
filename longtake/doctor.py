"""`longtake doctor`: what is wrong with a source, or with this installation, and what to do about it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from longtake.config import load
from longtake.installation.checks import Asked, diagnose
from longtake.installation.finding import State
from longtake.installation.view import view
from longtake.query import ConfigOption, OutputOption, StoreOption
from longtake.sheets import Form, FormOption, present
from pipeline.errors import UsageError
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.probe import Probe, probe
from pipeline.source import SourceSettings, expand
from pipeline.source.names import scheme_of


def doctor(
    uri: Annotated[str | None, typer.Argument(help="A file or a URI; without one: this installation.")] = None,
    model: Annotated[str, typer.Option(help="The model a run would use, by name or directory.")] = DEFAULT_MODEL,
    config: ConfigOption = None,
    format: FormOption = Form.TABLE,
    output: OutputOption = None,
    store: StoreOption = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster this machine is a node of.")] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="There is to be a GPU.")] = False,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="A port that is to be free; 0 is none.")] = 0,
) -> None:
    """Check this installation, or probe a source: what it holds, what is odd, what a run would do with it."""
    settings = load(config)
    if uri is not None:
        if address is not None or gpu or metrics_port:
            raise UsageError("--address, --gpu and --metrics-port are about an installation, not about a source")
        _probe(uri, model, settings.flow.source, format, output)
        return
    ray = settings.ray if address is None else settings.ray.model_copy(update={"address": address})
    found = diagnose(Asked(store, model, ray, settings.flow.live.skew_s, gpu, metrics_port))
    present(view(found), asdict(found), format, output)
    raise typer.Exit(int(found.state is State.BROKEN))


def _probe(uri: str, model: str, settings: SourceSettings, format: Form, output: Path | None) -> None:
    (source, *others) = expand(uri)
    if others:
        raise UsageError(f"{uri!r} stands for {1 + len(others)} sources; doctor looks at one")
    if scheme_of(source) == "synthetic":
        raise UsageError("a synthetic scene has nothing to diagnose; film it with longtake synth, or run it")
    found = probe(source, settings, spec=load_card(resolve(model)).clip)
    present(_view(found), found.to_json(), format, output)


def _view(found: Probe) -> Group:
    view = Table(box=box.SIMPLE_HEAD, show_header=False)
    for name, value in _rows(found):
        view.add_row(name, value)
    return Group(Text(found.info.uri, "italic"), view, *(Text(f"• {sentence}") for sentence in _advice(found)))


def _rows(found: Probe) -> list[tuple[str, str]]:
    info, timing = found.info, found.timing
    declared = "unknown" if info.average_rate is None else f"{info.average_rate:.3f}"
    duration = "unknown" if info.duration_s is None else f"{info.duration_s:.2f} s"
    return [
        ("container, codec", f"{info.container}, {info.codec} ({info.pix_fmt or 'pixel format unknown'})"),
        ("size", f"{info.width}×{info.height}" + (f", turned by {found.rotation}°" if found.rotation else "")),
        ("frames a second", f"{timing.measured_rate:.3f} measured, {declared} declared"),
        ("duration", f"{found.watched_s:.2f} s watched, {duration} declared"),
        ("first time stamp", "none" if timing.first_pts_s is None else f"{timing.first_pts_s:.3f} s"),
        ("frames decoded", f"{found.frames_decoded} ({found.corrupt} corrupt) at {found.decode_rate:.0f} a second"),
        ("frames kept", f"{found.frames_kept} ({found.spec.fps:g} a second, {found.spec.width}×{found.spec.height})"),
        ("clips", f"{found.clips} of {found.spec.frames} frames, a new one every {found.spec.stride}"),
    ]


def _advice(found: Probe) -> list[str]:
    timing = found.timing
    steps = f"{timing.shortest_s or 0:.3f} … {timing.longest_s or 0:.3f} s apart"
    said: list[tuple[Any, str]] = [
        (found.info.live, "it is live: a run drops the oldest clips when it cannot keep up, and says so as gaps"),
        (timing.variable, f"the frame rate varies ({steps}): sampled by media time"),
        (timing.missing, f"{timing.missing} frames have no time stamp: they are placed at the nominal rate"),
        (timing.backward, f"{timing.backward} time stamps step back: time is held, never reversed"),
        (timing.repeated, f"{timing.repeated} time stamps repeat"),
        (timing.epochs > 1, f"time breaks {timing.epochs - 1} times: each break begins a new epoch"),
        (not found.complete, "it was not read to its end"),
    ]
    gaps = [f"from {gap.start:.2f} to {gap.end:.2f} s there is no answer: {gap.reason}" for gap in found.gaps]
    sentences = [sentence for holds, sentence in said if holds] + gaps + list(found.errors)
    return sentences or ["nothing odd: longtake would run it as it is"]
