"""Streams as a person sees them in a terminal: what is wanted of each beside what it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich import box
from rich.markup import escape
from rich.table import Table

from longtake.terminal import clock
from pipeline.control.board import Board
from pipeline.control.plan import due_s
from pipeline.control.records import View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from pipeline.errors import redact
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore

_STATE_STYLES = {"ended": "green", "running": "cyan", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one stream: its wish or its timeline may be missing, not both.

    Attributes:
        retry: the settings that say when it is tried again after a failure.
    """

    name: str
    wish: Wish | None
    info: StreamInfo | None
    view: View
    retry: ServeSettings

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
            return "paused"
        outcome = self.view.outcomes.get(self.name)
        if outcome is not None and outcome.generation == self.wish.generation:
            return outcome.state
        return "starting"

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


def known(store: TimelineStore) -> dict[str, Known]:
    """Return every stream that is wished for or has a timeline, by name."""
    board = Board(store)
    view, infos = board.view(), {info.name: info for info in store.streams()}
    told = {name: value for name, value in board.rules().items() if name in ("retry_s", "retry_cap_s")}
    retry = ServeSettings.model_validate(told)
    names = sorted({*view.wishes, *infos})
    return {name: Known(name, view.wishes.get(name), infos.get(name), view, retry) for name in names}


def listing(streams: dict[str, Known]) -> Table:
    """One line for each stream; what is wanted, and by whom it is done, only where something is served."""
    served = any(stream.wish for stream in streams.values())
    table = Table(box=box.SIMPLE_HEAD)
    wishes = ("wanted", "host") if served else ()
    for column in ("name", *wishes, "state", "watched until", "segments", "updated (UTC)", "source"):
        table.add_column(column, overflow="fold")
    for stream in streams.values():
        until, segments, updated = _answers(stream.info)
        extra = (stream.wanted, stream.host) if served else ()
        table.add_row(stream.name, *extra, _styled(stream.state), until, segments, updated, escape(stream.source))
    return table


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
    yield "state", _styled(stream.state)
    yield "host", stream.host or "none"
    yield "watched until", _answers(stream.info)[0]
    yield "clock", (stream.info.clock if stream.info else "") or "the recording's"
    yield "lag", "—" if stream.lag_s is None else f"{stream.lag_s:.1f} s"
    yield "epoch, step", "—" if position is None else f"{position[0]}, {position[1]}"
    yield "segments", _answers(stream.info)[1]
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
        return "not before its wish is changed"
    wait_s = max(0.0, due_s(outcome, stream.retry) - stream.view.now_s)
    return f"in about {wait_s:.0f} s; failed {outcome.count} times in a row"


def _answers(info: StreamInfo | None) -> tuple[str, str, str]:
    if info is None:
        return "—", "0", "—"
    updated = datetime.fromtimestamp(info.updated_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return clock(info.until_s), str(info.segments), updated


def _styled(state: str) -> str:
    return f"[{_STATE_STYLES.get(state, 'yellow')}]{state}[/]"
