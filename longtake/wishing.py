"""Wishing for streams, as commands and the HTTP API do it; whoever serves the store is told at once."""

from dataclasses import replace
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from longtake.config import known_model
from longtake.known_streams import known_stream
from pipeline.control.board import Board
from pipeline.control.wish import KINDS, Wish, absolute, check_kind
from pipeline.errors import UsageError
from pipeline.timeline.store import TimelineStore

_STOP_S = 30.0


def add(board: Board, wish: Wish) -> Wish:
    """Wish for a new stream; return the wish as it is kept, with its generation.

    Raises:
        AlreadyThere: there is one of that name.
        UsageError: a source that nobody allows or can read, or an unknown model.
    """
    stored = board.put(replace(wish, **_meant(board, {"uri": wish.uri, "model": wish.model})))
    board.poke()
    return stored


def change(board: Board, name: str, **fields: Any) -> Wish:
    """Change fields of a wish; without any the stream is started anew, whatever it does.

    Raises:
        NotThere: there is no such wish.
        UsageError: as `add`.
    """
    stored = board.change(name, **_meant(board, fields))
    board.poke()
    return stored


def remove(store: TimelineStore, board: Board, name: str) -> None:
    """Remove a stream and its timeline, when whoever runs it has stopped.

    Raises:
        NotThere: there is no such stream.
        UsageError: it has not stopped in time, or part of it is in an archive that is not known here.
    """
    stream = known_stream(store, name)
    if stream.wish is not None:
        board.remove(name)
        board.poke()
        _wait_until_let_go(board, name)
    if stream.wish is None or name in {info.name for info in store.streams()}:
        store.remove(name)


def _meant(board: Board, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a wish as hosts elsewhere understand them."""
    meant = dict(fields)
    if "uri" in fields:
        check_kind(fields["uri"], board.rules().get("allowed_schemes", KINDS))
        meant["uri"] = absolute(fields["uri"])
    if "model" in fields:
        meant["model"] = known_model(fields["model"])
    return meant


def _wait_until_let_go(board: Board, name: str) -> None:
    """While a host still has the stream in hand it could claim it once more and leave an empty one behind."""
    patience = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(_STOP_S),
        wait=wait_fixed(0.1),
        retry_error_callback=lambda _: True,
    )
    if patience(lambda: bool(board.leader()) and any(name in host.streams for host in board.hosts().values())):
        raise UsageError(
            f"stream {name!r} shall not be watched any more, but has not stopped in {_STOP_S:g} s; try again"
        )
