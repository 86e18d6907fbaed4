"""Streams as a person sees them in a terminal: what is wanted of each beside what it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from longtake.terminal import clock, day, short_clock
from longtake.times import WALL_CLOCK_S
from pipeline.control.board import Board
from pipeline.control.plan import due_s
from pipeline.control.records import View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish, kind_of
from pipeline.errors import redact
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore

_STATE_STYLES = {"ended": "green", "running": "cyan", "failed": "red"}
_LIVE_KINDS = ("device", "rtsp", "rtsps", "http", "https")
_SPARE = ("host", "segments", "updated (UTC)", "wanted", "watched until")
"""Columns that a narrow terminal goes without, the least missed first."""
_SOURCE_CELLS = 12


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one stream: its wish or its timeline may be missing, not both.

    Attributes:
        retry: the settings that say when it is tried again after a failure.
        served: somebody runs what is wanted.
    """

    name: str
    wish: Wish | None
    info: StreamInfo | None
    view: View
    retry: ServeSettings
    served: bool

    @property
    def wanted(self) -> str:
        """The desired state."""
        if self.wish is None:
            return ""
        return "paused" if self.wish.paused else "run"

    @property
    def state(self) -> str:
        """The actual state: what the run says, or where nobody runs it, how the last run ended."""
        if self.info is not None and (self.wish is None or self.name in self.view.held):
            return self.info.state
        assert self.wish is not None
        if self.wish.paused:
            return "ended" if self.info is not None and self.info.state == "ended" else "paused"
        outcome = self.view.outcomes.get(self.name)
        if outcome is not None and outcome.generation == self.wish.generation:
            return outcome.state
        return "starting"

    @property
    def state_in_words(self) -> str:
        """The same for people: nothing starts where nobody serves."""
        return "nobody serves" if self.state == "starting" and self.wish and not self.served else self.state

    @property
    def host(self) -> str:
        """Who runs it."""
        return self.view.held[self.name].host if self.name in self.view.held else ""

    @property
    def error(self) -> str:
        """Why it failed last, else empty."""
        outcome = self.view.outcomes.get(self.name)
        if outcome is not None and outcome.error and not self.host:
            return outcome.error
        return self.info.error if self.info else ""

    @property
    def lag_s(self) -> float | None:
        """How far a live stream's timeline is behind the clock; None for a recording."""
        if self.info is None or not self.info.clock or not self.host:
            return None
        return max(0.0, self.view.now_s - self.info.until_s)

    @property
    def source(self) -> str:
        """Its URI without secrets."""
        return redact(self.wish.uri) if self.wish else self.info.source if self.info else ""

    @property
    def clock(self) -> str:
        """Whose time its timeline goes by, in words."""
        if self.info is not None and self.info.clock:
            return self.info.clock
        recorded = self.info is not None and 0 < self.info.until_s < WALL_CLOCK_S
        return "the recording's" if recorded or kind_of(self.source) not in _LIVE_KINDS else "not known yet"


def known(store: TimelineStore) -> dict[str, Known]:
    """Return every stream that is wanted or has a timeline, by name."""
    board = Board(store)
    view, infos = board.view(), {info.name: info for info in store.streams()}
    told = {name: value for name, value in board.rules().items() if name in ("retry_s", "retry_cap_s")}
    retry, served = ServeSettings.model_validate(told), bool(board.leader())
    names = sorted({*view.wishes, *infos})
    return {name: Known(name, view.wishes.get(name), infos.get(name), view, retry, served) for name in names}


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
    outcome = stream.view.outcomes.get(stream.name)
    if outcome is None or stream.wish is None or outcome.generation != stream.wish.generation:
        return ""
    if stream.state != "failed" or stream.wish.paused:
        return ""
    if outcome.final:
        return "not before it is changed or restarted"
    wait_s = max(0.0, due_s(outcome, stream.retry) - stream.view.now_s)
    times = "once" if outcome.count == 1 else f"{outcome.count} times in a row"
    return f"in about {wait_s:.0f} s; failed {times}" if stream.served else f"when somebody serves; failed {times}"


def _styled(state: str) -> str:
    return f"[{_STATE_STYLES.get(state, 'yellow')}]{state}[/]"
