"""`longtake models`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from longtake import model_views
from longtake.output import console
from longtake.sheets import Form, FormOption, narrow, present
from pipeline.errors import UsageError
from pipeline.models.card import CARD_FILE, ModelCard, list_models, load_card, registered_models, resolve
from pipeline.models.figures import figures
from pipeline.models.ladder import architectures
from pipeline.models.published import find
from pipeline.models.torchvision_zoo import folder, published_models

app = typer.Typer(help="List the models, and show what they are made of.", no_args_is_help=True)

ModelOption = Annotated[str, typer.Option("--model", help="A registered model or a model directory.")]


@app.command("ls")
def ls(format: FormOption = Form.TABLE) -> None:
    """List the models that come with longtake, and the ladder of architectures that it can build."""
    known = {name: load_card(resolve(name)) for name in list_models()}
    models = [model_views.described(name, card) for name, card in known.items()]
    rungs = list(_ladder(known))
    view = Group(model_views.listing(models, narrow()), model_views.ladder(rungs, narrow()))
    present(view, {"models": models, "architectures": rungs}, format)


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


def _ladder(known: Mapping[str, ModelCard]) -> Iterator[dict[str, Any]]:
    counted = figures()
    for name, (row, blueprint) in architectures().items():
        parts = blueprint.encoder, blueprint.temporal
        weights = [model for model, card in known.items() if (card.encoder, card.temporal) == parts]
        weights += [name] if name in published_models() and _at_hand(name) else []
        yield model_views.architecture(name, row, blueprint.clip, counted[name], weights)


def _at_hand(name: str) -> bool:
    """Whether a published model can be served without fetching anything."""
    return folder(name).is_dir() or find(published_models()[name].file) is not None


def _card(name: str) -> ModelCard:
    """The card of a model, or of an architecture without weights; a published one's is shown without them too."""
    if name in published_models():
        from pipeline.models.conversion import published_card  # loads torch

        return published_card(name)
    if name in architectures():
        return architectures()[name][1].card(name)
    if name not in list_models() and not Path(name).is_dir():
        known = ", ".join(dict.fromkeys((*registered_models(), *architectures())))
        raise UsageError(f"unknown model {name!r}; choose one of {known}, or give a directory with {CARD_FILE}")
    return load_card(resolve(name))
