"""A cluster in one process: real hosts and a real board, runs that only pretend to watch."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from actors.hosting import Host, Run
from pipeline.control.board import Board
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from pipeline.errors import LongtakeError, ModelError, UsageError
from pipeline.flow import Report
from pipeline.timeline.store import TimelineStore


class FakeRun:
    """Claims its stream and watches until it is told to stop, or by its URI: `fail`, `refuse`, `end`, `bug`."""

    def __init__(self, wish: Wish, store: TimelineStore, log: list[tuple[str, str]]) -> None:
        self._wish = wish
        self._store = store
        self._log = log
        self._stop = threading.Event()
        self.token = ""
        self.kept = 1.0
        self.overflowed = 0

    def run(self) -> Report:
        stream, fate = self._wish.stream, Path(self._wish.uri).name
        self.token = self._store.claim(stream, self._wish.uri, "model", frozenset({"walk"})).token
        self._log.append(("claim", stream))
        if fate == "bug":
            raise ZeroDivisionError("nobody expected this")
        if fate in ("fail", "refuse"):
            error: LongtakeError = LongtakeError("no picture") if fate == "fail" else UsageError("another model")
            return Report(stream, "failed", error=str(error), exit_code=error.exit_code)
        if fate != "end":
            self._stop.wait()
            return Report(stream, "paused")
        return Report(stream, "ended")

    def stop(self) -> None:
        self._stop.set()

    def shed(self, keep: float) -> None:
        self.kept = keep

    def pressure(self) -> tuple[int, int]:
        return 100, self.overflowed


@dataclass
class FakeWork:
    """What hosts can do here. A model `other-clips` takes another run, and one called `none` does not exist."""

    store: TimelineStore
    log: list[tuple[str, str]]
    runs: dict[str, FakeRun] = field(default_factory=dict)

    def run_of(self, wish: Wish) -> FakeRun:
        self.runs[wish.stream] = FakeRun(wish, self.store, self.log)
        return self.runs[wish.stream]

    def swap(self, run: Run, wish: Wish) -> bool:
        if wish.model == "none":
            raise ModelError("there is no model 'none'")
        self.log.append(("swap", wish.stream))
        return wish.model != "other-clips"


@dataclass
class LocalHost:
    """A host and its heartbeat; `stunned` is a process that was stopped: alive, and silent."""

    host: Host
    node: str
    period_s: float
    stunned: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def halt(self) -> None:
        """End the heartbeat, as a process that dies does."""
        self.gone.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self.gone.is_set():
            if not self.stunned.is_set():
                self.host.beat()
            self.host.wait(self.period_s)


class LocalCluster:
    """The `Cluster` of these tests."""

    def __init__(self, store: TimelineStore, settings: ServeSettings, nodes: tuple[str, ...] = ("n",)) -> None:
        self._store = store
        self._settings = settings
        self.all_nodes = nodes
        self.alive: dict[str, LocalHost] = {}
        self._all: list[LocalHost] = []
        self.log: list[tuple[str, str]] = []
        self.work = FakeWork(store, self.log)
        self.models: set[str] = {""}

    def nodes(self) -> tuple[str, ...]:
        return self.all_nodes

    def hosts(self) -> set[str]:
        return set(self.alive)

    def start_host(self, name: str, node: str) -> None:
        host = Host(name, node, Board(self._store), self.work, self._settings)
        self.alive[name] = LocalHost(host, node, self._settings.period_s)
        self._all.append(self.alive[name])
        self.alive[name].start()

    def stop_host(self, name: str) -> None:
        if host := self.alive.pop(name, None):
            host.halt()

    def check_model(self, model: str) -> None:
        if model not in self.models:
            raise UsageError(f"unknown model {model!r}")

    def serve_models(self, models: Iterable[str], now_s: float) -> None:
        """Nothing computes here."""

    def assign(self, host: str, wish: Wish) -> None:
        self._tell(host, lambda there: there.assign(wish))

    def change(self, host: str, wish: Wish) -> None:
        self._tell(host, lambda there: there.change(wish))

    def release(self, host: str, stream: str) -> None:
        self._tell(host, lambda there: there.release(stream))

    def close(self) -> None:
        """End every thread; those of hosts that died in a test live on in this process until now."""
        for host in self._all:
            host.halt()
            for stream in host.host.streams():
                host.host.release(stream)

    def _tell(self, host: str, what: Callable[[Host], None]) -> None:
        if (there := self.alive.get(host)) and not there.stunned.is_set():
            what(there.host)
