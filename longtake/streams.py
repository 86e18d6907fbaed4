"""`longtake streams`: what shall be watched, what is, and forgetting it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from longtake import stream_views, wishing
from longtake.config import known_model
from longtake.known_streams import known, known_stream
from longtake.output import console, messages, show
from longtake.query import StoreOption
from longtake.sheets import Form, FormOption, present
from longtake.stores import open_store
from longtake.times import parse_time
from pipeline.control.board import Board
from pipeline.control.wish import Wish, kind_of
from pipeline.errors import UsageError
from pipeline.timeline.store import TimelineStore

app = typer.Typer(help="Add, list, change and remove streams.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the stream.")]

_WATCH_S = 1.0


@app.command("ls")
def ls(format: FormOption = Form.TABLE, store: StoreOption = None) -> None:
    """List the streams of the store."""
    with open_store(store) as opened:
        streams = known(opened)
    if streams or format is Form.JSON:
        present(stream_views.listing(streams, console.width), stream_views.as_document(streams), format)
    else:
        messages.print("no streams yet; start one: longtake run SOURCE, or longtake streams add NAME URI")


@app.command("show")
def show_one(
    name: NameArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    store: StoreOption = None,
) -> None:
    """Show what is wanted of one stream, and what it does."""
    with open_store(store) as opened:
        if not watch:
            show(_sheet(opened, name))
            return
        never = threading.Event()
        try:
            with Live(_sheet(opened, name), console=console, auto_refresh=False) as live:
                while not never.wait(_WATCH_S):
                    live.update(_sheet(opened, name), refresh=True)
        except KeyboardInterrupt:
            return


@app.command("add")
def add(
    name: NameArgument,
    uri: Annotated[str, typer.Argument(help="Where its video is; ${NAME} is taken from the server's environment.")],
    policy: Annotated[str | None, typer.Option(help="wait, drop_oldest or drop_latest.")] = None,
    model: Annotated[str, typer.Option(help="A registered model or a directory (default: the server's).")] = "",
    fps: Annotated[float | None, typer.Option(help="Frames a second to sample (default: the model's).")] = None,
    start_time: Annotated[str | None, typer.Option(help="When a recording began: date, clock or seconds.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not watch it yet.")] = False,
    realtime: Annotated[bool, typer.Option("--realtime", help="Read a recording at the pace it was filmed.")] = False,
    store: StoreOption = None,
) -> None:
    """Add a stream; `longtake serve` watches it from now on."""
    start_time_s = parse_time(start_time) if start_time else 0.0
    chosen: Any = policy
    with _board(store) as (board, _):
        wish = wishing.add(board, Wish(name, uri.strip(), chosen, model, fps, start_time_s, paused, realtime))
        _warn_of_missing(wish.uri)
        _tell(board, f"added {name}")


def _warn_of_missing(uri: str) -> None:
    """It may be there where the stream is opened, or later."""
    if kind_of(uri) in ("file", "device") and "${" not in uri and not Path(uri).exists():
        messages.print(Text(f"there is no file {uri} on this machine", "yellow"), soft_wrap=True)


@app.command("rm")
def rm(name: NameArgument, store: StoreOption = None) -> None:
    """Remove a stream and its timeline."""
    with _board(store) as (board, opened):
        wishing.remove(opened, board, name)
    messages.print(f"removed {name}")


@app.command("pause")
def pause(name: NameArgument, store: StoreOption = None) -> None:
    """Stop watching a stream; what it remembers stays."""
    with _board(store) as (board, _):
        wishing.change(board, name, paused=True)
        _tell(board, f"paused {name}")


@app.command("resume")
def resume(name: NameArgument, store: StoreOption = None) -> None:
    """Watch a paused stream again; the time between is a gap."""
    with _board(store) as (board, _):
        wishing.change(board, name, paused=False)
        _tell(board, f"resumed {name}")


@app.command("restart")
def restart(name: NameArgument, store: StoreOption = None) -> None:
    """Stop a stream and start it anew, whatever it does, and forget its failures."""
    with _board(store) as (board, _):
        wishing.change(board, name)
        _tell(board, f"restarting {name}")


@app.command("swap")
def swap(
    model: Annotated[str, typer.Argument(help="A registered model or a directory.")],
    names: Annotated[list[str] | None, typer.Argument(help="Streams that go on under it.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All streams there are.")] = False,
    store: StoreOption = None,
) -> None:
    """Let another model go on with streams, each at its next step; memory and open segments end with the old one."""
    if bool(names) == all_:
        raise UsageError("give the streams that shall go on under the model, or --all")
    model = known_model(model)
    with _board(store) as (board, _):
        chosen = names or sorted(board.wishes())
        for name in chosen:
            board.wish(name)  # all are there, or none is changed
        for name in chosen:
            wishing.change(board, name, model=model)
        _tell(board, f"swapping the model of {', '.join(chosen) or 'no stream'}")


@contextmanager
def _board(store: str | None) -> Iterator[tuple[Board, TimelineStore]]:
    with open_store(store) as opened:
        yield Board(opened), opened


def _tell(board: Board, done: str) -> None:
    nobody = "" if board.leader() else "; nobody serves this store now: longtake serve"
    messages.print(done + nobody, soft_wrap=True)


def _sheet(store: TimelineStore, name: str) -> Any:
    return stream_views.sheet(known_stream(store, name), Board(store).position(name))
