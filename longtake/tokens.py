"""`longtake tokens`: who may ask over HTTP, and what."""

import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from longtake.output import messages
from longtake.query import StoreOption
from longtake.sheets import Form, FormOption, present
from longtake.stores import open_store
from longtake.terminal import clock
from pipeline.control.tokens import Token, Tokens

app = typer.Typer(help="Say who may ask over HTTP.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the token.")]


class RoleChoice(StrEnum):
    """What a token allows."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@app.command("add")
def add(
    name: NameArgument,
    role: Annotated[RoleChoice, typer.Option(help="A viewer asks; an operator changes streams too.")] = (
        RoleChoice.VIEWER
    ),
    streams: Annotated[
        list[str] | None, typer.Option(help="Only these: names or patterns ('dock-*'), by commas or again.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Make a token and print it; it is shown this once."""
    patterns = [part.strip() for one in streams or ["*"] for part in one.split(",")]
    with open_store(store) as opened:
        secret = Tokens(opened).add(name, role.value, patterns, time.time())
    messages.print(
        f"made {name}, a token for role {role.value} on {', '.join(patterns)}; it is not shown again",
        markup=False,
        soft_wrap=True,
    )
    typer.echo(secret)


@app.command("rm")
def rm(name: NameArgument, store: StoreOption = None) -> None:
    """Remove a token: who has it is refused within a second."""
    with open_store(store) as opened:
        tokens = Tokens(opened)
        tokens.remove(name)
        left = tokens.all()
    messages.print(f"removed {name}", markup=False)
    if not left:
        messages.print(
            "there is no token any more: who is on the server's machine may do everything, and nobody else anything",
            style="yellow",
            soft_wrap=True,
        )


@app.command("ls")
def ls(format: FormOption = Form.TABLE, store: StoreOption = None) -> None:
    """List the tokens, without their secrets."""
    with open_store(store) as opened:
        tokens = Tokens(opened).all()
    if tokens or format is Form.JSON:
        present(_listing(tokens), {"tokens": [_document(token) for token in tokens]}, format)
    else:
        messages.print("no tokens yet; make one: longtake tokens add NAME")


def _listing(tokens: list[Token]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("name", "role", "streams", "made (UTC)"):
        table.add_column(column)
    for token in tokens:
        table.add_row(token.name, token.role, ", ".join(token.streams), clock(token.made_s))
    return table


def _document(token: Token) -> dict[str, Any]:
    return {"name": token.name, "role": token.role, "streams": list(token.streams), "made": round(token.made_s, 3)}
