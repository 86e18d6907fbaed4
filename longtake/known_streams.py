"""What is known of streams: what is wanted of each beside what it does."""

from dataclasses import dataclass

from longtake.times import WALL_CLOCK_S
from pipeline.control.board import Board
from pipeline.control.plan import due_s
from pipeline.control.records import Outcome, View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish, kind_of
from pipeline.errors import NotThere, redact
from pipeline.timeline.keys import STREAMS, WISHES
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore

_LIVE_KINDS = ("device", "rtsp", "rtsps", "http", "https")


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
    def recording(self) -> bool:
        """Its timeline goes by the time of what was recorded, not by a clock on the wall."""
        if self.info is not None and self.info.clock:
            return False
        recorded = self.info is not None and 0 < self.info.until_s < WALL_CLOCK_S
        return recorded or kind_of(self.source) not in _LIVE_KINDS

    @property
    def clock(self) -> str:
        """Whose time its timeline goes by, in words."""
        if self.info is not None and self.info.clock:
            return self.info.clock
        return "the recording's" if self.recording else "not known yet"

    @property
    def failure(self) -> Outcome | None:
        """How it failed, while it is wanted and does not run for that."""
        outcome = self.view.outcomes.get(self.name)
        if outcome is None or self.wish is None or outcome.generation != self.wish.generation:
            return None
        return outcome if self.state == "failed" and not self.wish.paused else None

    @property
    def retry_s(self) -> float | None:
        """In how many seconds it is tried again after a failure; None where it is not."""
        failure = self.failure
        if failure is None or failure.final or not self.served:
            return None
        return max(0.0, due_s(failure, self.retry) - self.view.now_s)


def known(store: TimelineStore) -> dict[str, Known]:
    """Return every stream that is wanted or has a timeline, by name."""
    board = Board(store)
    view, infos = board.view(), {info.name: info for info in store.streams()}
    told = {name: value for name, value in board.rules().items() if name in ("retry_s", "retry_cap_s")}
    retry, served = ServeSettings.model_validate(told), bool(board.leader())
    names = sorted({*view.wishes, *infos})
    return {name: Known(name, view.wishes.get(name), infos.get(name), view, retry, served) for name in names}


def known_names(store: TimelineStore) -> list[str]:
    """Return their names alone, in order: one round trip, which rebuilds no index that was lost, as `known` does."""
    with store.border(), store.client.pipeline(transaction=False) as pipe:
        timelines, wishes = pipe.smembers(STREAMS).smembers(WISHES).execute()
    return sorted(name.decode() for name in timelines | wishes)


def known_stream(store: TimelineStore, name: str) -> Known:
    """Return one stream, or raise `NotThere` naming those there are."""
    streams = known(store)
    if name not in streams:
        raise NotThere(f"there is no stream {name!r}; streams: {', '.join(streams) or 'none yet'}")
    return streams[name]
