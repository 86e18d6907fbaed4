"""`longtake train`, `evaluate`, `compare`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.markdown import Markdown
from rich.table import Table as View

from longtake.models import ModelOption
from longtake.output import messages
from longtake.query import OutputOption
from longtake.sheets import Form, FormOption, present
from longtake.times import parse_duration
from pipeline import training
from pipeline.errors import UsageError
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.models.ladder import MICRO, Blueprint, architectures
from pipeline.synthetic import parse_scenes

RECIPES = Path(training.__file__).parent / "recipes"
THREADS = 2


class Device(StrEnum):
    """What computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Frozen(StrEnum):
    """What training leaves as it is."""

    ENCODER = "encoder"


def train(
    recipe: Annotated[str, typer.Option(help="A committed recipe's name, or a file; without --data.")] = DEFAULT_MODEL,
    model: Annotated[str | None, typer.Option(help="An architecture: longtake models ls; with --data.")] = None,
    data: Annotated[
        str | None, typer.Option(help="A folder of videos per label, or a CSV (docs/training.md), to learn from.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for the model; runs/NAME unless given.")] = None,
    budget: Annotated[str | None, typer.Option(help="At most this long: 45m, 2h, 90s.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[Device, typer.Option(help="What computes; with --data.")] = Device.AUTO,
    init: Annotated[str | None, typer.Option(help="A model whose encoder to begin with; with --data.")] = None,
    freeze: Annotated[Frozen | None, typer.Option(help="What to leave as it is; with --data.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Clips of a step; with --data.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the optimiser; with --data.")] = None,
    mirror: Annotated[bool, typer.Option(help="Mirrored clips show the same label; with --data.")] = True,
) -> None:
    """Train a model: by a recipe, or an architecture on your own clips; interrupted, the same command goes on."""
    budget_s = float("inf") if budget is None else parse_duration(budget)
    if (model is None) != (data is None):
        raise UsageError("an architecture is trained on data: give both --model and --data, or neither of them")
    name = model or Path(recipe).stem
    folder = out or Path("runs") / name
    if model is None or data is None:
        from pipeline.training.train import train as run_recipe  # loads torch

        run_recipe(_recipe(recipe), folder, budget_s, seed, THREADS, _tell)
    else:
        from pipeline.training.run import Run
        from pipeline.training.train_classifier import STAGE, Wanted, train_on_examples  # loads torch

        given = {"batch": batch, "steps": steps}
        stage = replace(STAGE, **{key: value for key, value in given.items() if value is not None})
        wanted = Wanted(name, _blueprint(name), data, stage, init, freeze is Frozen.ENCODER, mirror)
        work = folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        train_on_examples(wanted, folder, Run(seed, work, work, THREADS, _tell, _device(device)), budget_s)
    messages.print(f"trained {folder}; look at it: longtake evaluate --model {folder}")


def _blueprint(name: str) -> Blueprint:
    known = architectures()
    if name not in known:
        raise UsageError(f"unknown architecture {name!r}; choose one of {', '.join(known)}")
    return known[name][1]


def _tell(line: str) -> None:
    messages.print(line, highlight=False)


def _device(wanted: Device) -> Literal["cpu", "cuda"]:
    import torch

    if wanted is Device.CUDA and not torch.cuda.is_available():
        raise UsageError("--device cuda was asked for, but torch sees no CUDA device here; choose cpu or auto")
    return "cuda" if wanted is not Device.CPU and torch.cuda.is_available() else "cpu"


def _recipe(name: str) -> Path:
    known = {path.stem: path for path in sorted(RECIPES.glob("*.json"))}
    path = known.get(name, Path(name))
    if not path.is_file():
        raise UsageError(f"unknown recipe {name!r}; choose one of {', '.join(known)}, or give a file")
    return path


def evaluate(
    model: ModelOption = DEFAULT_MODEL,
    data: Annotated[
        str | None,
        typer.Option(help="Scenes, as synthetic://seeds=0-39&people=1&duration=60; or examples, as for train."),
    ] = None,
    clips: Annotated[int, typer.Option(min=1, help="Clips of each recorded example, whose answers are averaged.")] = 10,
    format: FormOption = Form.TABLE,
    output: OutputOption = None,
) -> None:
    """Measure a model: on scenes it has never seen, through the streaming path; or on recorded examples."""
    directory = resolve(model)
    card = load_card(directory)
    if data is None or data.startswith("synthetic:"):
        figures = _streamed(directory, data)
    else:
        figures = _classified(directory, card.labels, data, clips)
    view = View("figure", "value", box=box.SIMPLE_HEAD)
    for name, value in figures.items():
        if name != "confused":
            view.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    for label, told in figures.get("confused", {}).items():
        view.add_row(label, _said(label, told))
    present(view, {"model": card.fingerprint, **figures}, format, output)


def _said(label: str, told: dict[str, int]) -> str:
    """`7 of 10; 2 as pushing, 1 as hugging`."""
    others = sorted((one for one in told if one != label), key=lambda one: -told[one])
    wrong = ", ".join(f"{told[one]} as {one}" for one in others)
    return f"{told.get(label, 0)} of {sum(told.values())}{'; ' if wrong else ''}{wrong}"


def _streamed(directory: Path, data: str | None) -> dict[str, Any]:
    from longtake.progress import ProgressBars
    from pipeline.evaluation import streaming  # loads torch

    specs = parse_scenes(data or streaming.DEFAULT_DATA)
    with ProgressBars() as bars:
        bars.say("loading the model")
        return streaming.evaluate(directory, specs, bars.update).rounded()


def _classified(directory: Path, labels: Sequence[str], data: str, clips: int) -> dict[str, Any]:
    from pipeline.evaluation.clips import evaluate_examples  # loads torch

    figures = asdict(evaluate_examples(directory, data, clips, _tell))
    confused = {
        label: {told: count for told, count in zip(labels, row, strict=True) if count}
        for label, row in zip(labels, figures["confused"], strict=True)
    }
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    return rounded | {"confused": {label: told for label, told in confused.items() if told}}


def compare(
    data: Annotated[str, typer.Option(help="A folder of videos per label, or a CSV (docs/training.md).")],
    models: Annotated[str, typer.Option(help="Architectures, a,b,c; or all, in their micro size.")] = "all",
    out: Annotated[Path, typer.Option("-o", "--out", help="Directory for the table, the picture and the JSON.")] = Path(
        "runs/compare"
    ),
    clips_seen: Annotated[int, typer.Option(min=16, help="Clips that every model learns from.")] = 16_000,
    leave_one_out: Annotated[
        bool, typer.Option(help="Hold every group out once; else a quarter of the examples.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Train architectures on equally many of your clips, and see who is how right at what cost."""
    from pipeline.training.compare import Comparison, compare, of_the_ladder  # loads torch
    from pipeline.training.run import Run

    names = tuple(name for name in architectures() if name.endswith(MICRO)) if models == "all" else models.split(",")
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    wanted = Comparison(of_the_ladder(names), data, clips_seen, leave_one_out)
    compare(wanted, out, Run(seed, work, work, THREADS, _tell))
    messages.print(Markdown((out / "compare.md").read_text(encoding="utf-8")))
    messages.print(f"written to {out}: compare.md, compare.json, compare.png")
