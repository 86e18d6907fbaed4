"""`longtake models`, `train`, `evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from longtake.output import messages
from longtake.query import OutputOption
from longtake.sheets import Form, FormOption, narrow, present
from longtake.times import parse_duration
from pipeline import training
from pipeline.errors import UsageError
from pipeline.models.card import DEFAULT_MODEL, list_models, load_card, resolve

app = typer.Typer(help="List the models.", no_args_is_help=True)

RECIPES = Path(training.__file__).parent / "recipes"

ModelOption = Annotated[str, typer.Option("--model", help="A registered model or a model directory.")]


@app.command("ls")
def ls(format: FormOption = Form.TABLE) -> None:
    """List the models that come with longtake."""
    models = [_described(name) for name in list_models()]
    present(_listing(models), {"models": models}, format)


def _listing(models: list[dict[str, Any]]) -> Table:
    """What a model knows and looks at; how it is built only where there is room."""
    columns = (
        ("name", "clip", "labels") if narrow() else ("name", "clip", "encoder", "temporal", "fingerprint", "labels")
    )
    view = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        view.add_column(column, no_wrap=column in ("name", "fingerprint"))
    for model in models:
        view.add_row(*(", ".join(model[one]) if one == "labels" else str(model[one]) for one in columns))
    return view


def _described(name: str) -> dict[str, Any]:
    card = load_card(resolve(name))
    clip = card.clip
    return {
        "name": name,
        "encoder": card.encoder.name,
        "temporal": card.temporal.name,
        "clip": f"{clip.frames}×{clip.height}×{clip.width}, {clip.fps:g} fps, stride {clip.stride}",
        "labels": list(card.labels),
        "fingerprint": card.fingerprint,
    }


def train(
    recipe: Annotated[str, typer.Option(help="A committed recipe's name, or a file.")] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option(help="Directory for the model.")] = Path("runs") / DEFAULT_MODEL,
    budget: Annotated[str | None, typer.Option(help="At most this long: 45m, 2h, 90s.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Train a model by its recipe; interrupted, the same command goes on."""
    from pipeline.training.train import train as run_recipe  # loads torch

    budget_s = float("inf") if budget is None else parse_duration(budget)
    run_recipe(_recipe(recipe), out, budget_s, seed, log=lambda line: messages.print(line, highlight=False))
    messages.print(f"trained {out}; look at it: longtake evaluate --model {out}")


def _recipe(name: str) -> Path:
    known = {path.stem: path for path in sorted(RECIPES.glob("*.json"))}
    path = known.get(name, Path(name))
    if not path.is_file():
        raise UsageError(f"unknown recipe {name!r}; choose one of {', '.join(known)}, or give a file")
    return path


def evaluate(
    model: ModelOption = DEFAULT_MODEL,
    data: Annotated[str | None, typer.Option(help="Scenes, as synthetic://seeds=0-39&people=1&duration=60.")] = None,
    format: FormOption = Form.TABLE,
    output: OutputOption = None,
) -> None:
    """Measure a model on scenes it has never seen, through the streaming path."""
    directory = resolve(model)
    card = load_card(directory)
    from longtake.progress import ProgressBars
    from pipeline.evaluation import streaming  # loads torch

    specs = streaming.parse_data(data or streaming.DEFAULT_DATA)
    with ProgressBars() as bars:
        bars.say("loading the model")
        figures = streaming.evaluate(directory, specs, bars.update).rounded()
    view = Table("figure", "value", box=box.SIMPLE_HEAD)
    for name, value in figures.items():
        view.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    present(view, {"model": card.fingerprint, **figures}, format, output)
