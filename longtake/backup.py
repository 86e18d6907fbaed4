"""`longtake backup` and `longtake restore`: all streams and wishes in one file, and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from longtake import __version__
from longtake.output import messages
from longtake.query import StoreOption
from longtake.stores import open_store
from pipeline.control.board import Board
from pipeline.control.wish import from_json
from pipeline.errors import UsageError
from pipeline.timeline.backup import Backup, write
from pipeline.timeline.copies import StreamCopy, copy
from pipeline.timeline.copies import restore as put_back
from pipeline.timeline.store import TimelineStore

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def backup(file: FileArgument, store: StoreOption = None) -> None:
    """Copy all timelines and wishes into a file, while they are written; what was archived lies beside it as files."""
    with open_store(store) as opened:
        kept = write(file, _copies(opened), __version__)
    size = decimal(file.stat().st_size)
    messages.print(f"{_counted(len(kept))} in {file}, {size}", highlight=False, soft_wrap=True)


def restore(
    file: FileArgument,
    store: StoreOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace streams that are in the store.")] = False,
) -> None:
    """Write the timelines and wishes of a backup into a store; what it does not name stays as it is."""
    with Backup(file) as found, open_store(store) as opened:
        found.check()
        board = Board(opened)
        if not replace:
            _refuse_known(opened, board, found)
        for copied in found.copies():
            _restore(opened, board, copied, replace)
        board.poke()
        count = len(found.kept)
    messages.print(f"restored {_counted(count)}", highlight=False)


def _counted(streams: int) -> str:
    return "1 stream" if streams == 1 else f"{streams} streams"


def _copies(store: TimelineStore) -> Iterator[StreamCopy]:
    """One at a time; a stream that is removed meanwhile is left out."""
    for name in sorted({info.name for info in store.streams()} | Board(store).wishes().keys()):
        copied = copy(store, name)
        if copied is not None:
            yield copied


def _refuse_known(store: TimelineStore, board: Board, found: Backup) -> None:
    known = {info.name for info in store.streams()} | board.wishes().keys()
    there = [kept.stream for kept in found.kept if kept.stream in known]
    if there:
        raise UsageError(f"the store has these streams already: {', '.join(there)}; --replace replaces them")


def _restore(store: TimelineStore, board: Board, copied: StreamCopy, replace: bool) -> None:
    """The timeline first: who is told of a wish goes on from there. The wish gets a new generation."""
    if not put_back(store, copied, replace):
        raise UsageError(f"stream {copied.stream!r} has come into the store meanwhile; --replace replaces it")
    if copied.wish is not None:
        board.put(from_json(copied.wish, 0), replace)
