"""Streams as a person sees them in a terminal: what is wanted of each beside what it does."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from longtake.known_streams import Known
from longtake.terminal import clock, day, short_clock

_STATE_STYLES = {"ended": "green", "running": "cyan", "failed": "red"}
_SPARE = ("host", "segments", "updated (UTC)", "wanted", "watched until")
"""Columns that a narrow terminal goes without, the least missed first."""
_SOURCE_CELLS = 12


def listing(streams: dict[str, Known], width: int) -> Table:
    """One line for each stream, in as many columns as there is room for."""
    rows = [_row(stream) for stream in streams.values()]
    if not any(stream.wish for stream in streams.values()):
        rows = [{name: row[name] for name in row if name not in ("wanted", "host")} for row in rows]
    table = Table(box=box.SIMPLE_HEAD)
    if not rows:
        return table
    for spare in _SPARE:
        if _left(rows, width) < _SOURCE_CELLS:
            rows = [{name: row[name] for name in row if name != spare} for row in rows]
    for name in rows[0]:
        table.add_column(name, no_wrap=True, justify="right" if name == "segments" else "left")
    table.columns[-1].max_width = max(_left(rows, width), _SOURCE_CELLS)
    for row in rows:
        table.add_row(*(_styled(text) if name == "state" else escape(text) for name, text in row.items()))
    return table


def _row(stream: Known) -> dict[str, str]:
    info, today = stream.info, day(stream.view.now_s)
    return {
        "name": stream.name,
        "wanted": stream.wanted,
        "host": stream.host,
        "state": stream.state_in_words,
        "watched until": short_clock(int(info.until_s), today) if info else "—",
        "segments": str(info.segments) if info else "0",
        "updated (UTC)": short_clock(int(info.updated_s), today) if info else "—",
        "source": stream.source,
    }


def _left(rows: list[dict[str, str]], width: int) -> int:
    """How many cells of a table of them are left for its last column; every column takes three more than its text."""
    *names, _ = rows[0]
    return width - 4 - sum(3 + max(cell_len(name), *(cell_len(row[name]) for row in rows)) for name in names)


def as_document(streams: dict[str, Known]) -> dict[str, Any]:
    """The streams for programs; the schema is docs/schemas/streams.schema.json."""
    return {"streams": [_document(stream) for stream in streams.values()]}


def _document(stream: Known) -> dict[str, Any]:
    info = stream.info
    return {
        "name": stream.name,
        "source": stream.source,
        "wanted": stream.wanted or None,
        "state": stream.state,
        "host": stream.host or None,
        "error": stream.error,
        "until": round(info.until_s, 3) if info else None,
        "lag": None if stream.lag_s is None else round(stream.lag_s, 3),
        "segments": info.segments if info else 0,
        "updated": round(info.updated_s, 3) if info else None,
        "model": info.model if info else None,
    }


def sheet(stream: Known, position: tuple[int, int] | None) -> Table:
    """Everything about one stream."""
    table = Table(box=box.SIMPLE, show_header=False, title=stream.name, title_justify="left")
    for name, value in _lines(stream, position):
        table.add_row(name, value)
    return table


def _lines(stream: Known, position: tuple[int, int] | None) -> Iterator[tuple[str, str]]:
    yield "source", escape(stream.source)
    if stream.wish is not None:
        yield "wanted", stream.wanted
        yield "model", stream.wish.model or "the server's"
        yield "policy", stream.wish.policy or "the source's"
        yield "frames a second", f"{stream.wish.fps:g}" if stream.wish.fps else "the model's"
    yield "state", _styled(stream.state_in_words)
    yield "host", stream.host or "none"
    yield "watched until", clock(stream.info.until_s) if stream.info else "—"
    yield "clock", stream.clock
    yield "lag", "—" if stream.lag_s is None else f"{stream.lag_s:.1f} s"
    yield "epoch, step", "—" if position is None else f"{position[0]}, {position[1]}"
    yield "segments", str(stream.info.segments) if stream.info else "0"
    yield "last error", escape(stream.error) or "none"
    if retry := _retry(stream):
        yield "tried again", retry


def _retry(stream: Known) -> str:
    failure = stream.failure
    if failure is None:
        return ""
    if failure.final:
        return "not before it is changed or restarted"
    times = "once" if failure.count == 1 else f"{failure.count} times in a row"
    when = "when somebody serves" if stream.retry_s is None else f"in about {stream.retry_s:.0f} s"
    return f"{when}; failed {times}"


def _styled(state: str) -> str:
    return f"[{_STATE_STYLES.get(state, 'yellow')}]{state}[/]"
