"""`longtake models`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from longtake import model_views
from longtake.output import console
from longtake.sheets import Form, FormOption, narrow, present
from pipeline.errors import UsageError
from pipeline.models.card import CARD_FILE, ModelCard, list_models, load_card, resolve
from pipeline.models.ladder import architectures

app = typer.Typer(help="List the models, and show what they are made of.", no_args_is_help=True)

ModelOption = Annotated[str, typer.Option("--model", help="A registered model or a model directory.")]


@app.command("ls")
def ls(format: FormOption = Form.TABLE) -> None:
    """List the models that come with longtake, and the ladder of architectures that it can build."""
    models = [model_views.described(name, card) for name, card in _with_weights().items()]
    rungs = _ladder() if find_spec("torch") else []
    views: list[RenderableType] = [model_views.listing(models, narrow())]
    views += [model_views.ladder(rungs, narrow())] if rungs else []
    present(Group(*views), {"models": models, "architectures": rungs}, format)


@app.command("show")
def show_one(
    name: Annotated[str, typer.Argument(help="A registered model, an architecture of `ls`, or a model directory.")],
    format: FormOption = Form.TABLE,
) -> None:
    """Show the layers of a model: what each gives, how much of a clip it sees, and what it costs."""
    card = _card(name)
    from pipeline.models.anatomy import dissect  # loads torch

    anatomy = dissect(card)
    view = model_views.layers(name, card, anatomy, console.width)
    present(view, model_views.with_layers(name, card, anatomy), format)


def _with_weights() -> dict[str, ModelCard]:
    return {name: load_card(resolve(name)) for name in list_models()}


def _ladder() -> list[dict[str, Any]]:
    from pipeline.models.anatomy import dissect  # loads torch

    known = _with_weights().items()
    found = []
    for name, (row, blueprint) in architectures().items():
        card = blueprint.card(name)
        weights = [model for model, one in known if (one.encoder, one.temporal) == (card.encoder, card.temporal)]
        found.append(model_views.architecture(name, row, card, dissect(card), weights))
    return found


def _card(name: str) -> ModelCard:
    """The card of a model with weights, or of an architecture without."""
    if name in architectures():
        return architectures()[name][1].card(name)
    if name not in list_models() and not Path(name).is_dir():
        known = ", ".join((*list_models(), *architectures()))
        raise UsageError(f"unknown model {name!r}; choose one of {known}, or give a directory with {CARD_FILE}")
    return load_card(resolve(name))
