"""`longtake streams`: what is known, and forgetting it."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from longtake.home import home
from longtake.output import messages, show
from longtake.query import StoreOption
from longtake.terminal import clock
from pipeline.timeline.store import TimelineStore

app = typer.Typer(help="List and remove streams.", no_args_is_help=True)

_STATE_STYLES = {"ended": "green", "running": "cyan", "failed": "red"}


@app.command("ls")
def ls(store: StoreOption = None) -> None:
    """List the streams of the store."""
    with TimelineStore.open(store, home()) as opened:
        streams = opened.streams()
    view = Table(box=box.SIMPLE_HEAD)
    for column in ("name", "state", "watched until", "segments", "updated (UTC)", "source"):
        view.add_column(column, overflow="fold")
    for info in streams:
        style = _STATE_STYLES.get(info.state, "yellow")
        updated = datetime.fromtimestamp(info.updated_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
        state = f"[{style}]{info.state}[/]"
        view.add_row(info.name, state, clock(info.until_s), str(info.segments), updated, info.source)
    if streams:
        show(view)
    else:
        messages.print("no streams yet; start one: longtake run SOURCE")


@app.command("rm")
def rm(name: Annotated[str, typer.Argument(help="Name of the stream.")], store: StoreOption = None) -> None:
    """Remove a stream and its timeline."""
    with TimelineStore.open(store, home()) as opened:
        opened.remove(name)
    messages.print(f"removed {name}")
