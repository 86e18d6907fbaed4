"""How long an alert takes from the commit to its webhook.

    python -m bench.alerts

Three processes on one machine: one commits to many streams, one watches and delivers as `longtake serve` does, one
receives. Each commit opens a segment and closes the one before; a rule tells of every one that opens. What counts is
the time from before the commit's call to the arrival of the whole request.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.task import ROOT
from pipeline.alerts.dispatch import alerting
from pipeline.alerts.outbox import AlertOutbox
from pipeline.alerts.settings import AlertSettings
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Segment
from tests.alerts.receiver import Receiver
from tests.chaos import paper

STREAMS = 50
GOAL_MS = 1000.0
_STEP_S = 0.8
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Load:
    """So many commits in all, so many a second (0: as fast as they go)."""

    what: str
    commits: int
    rate: float
    goal_ms: float | None = GOAL_MS


@dataclass(frozen=True, slots=True)
class Arrived:
    """How long they took, in milliseconds, and how many came in a second."""

    what: str
    commits: int
    a_second: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    goal_ms: float | None

    @property
    def misses(self) -> bool:
        """Whether it takes longer than it should."""
        return self.goal_ms is not None and self.p99_ms >= self.goal_ms


class Cameras:
    """Streams that commit one step after the other."""

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._leases: list[Lease] = [
            store.claim(f"cam-{number:02}", "synthetic://", "model", frozenset({"walk"})) for number in range(STREAMS)
        ]
        self._steps = [0] * STREAMS

    def commit(self, number: int) -> str:
        """Commit a step of some stream; return the id of the segment that it opens."""
        camera = number % STREAMS
        lease, step = self._leases[camera], self._steps[camera]
        self._steps[camera] += 1
        opened, before = _segment(lease.stream, step), _segment(lease.stream, step - 1, closed=True)
        place = (lease.stream, 0, step, 0.0, step * 4, step * _STEP_S, bytes(16), step * _STEP_S, step * _STEP_S)
        after = Checkpoint(*place, np.zeros(128, np.float32), b"", None, "numerics", "model", "synthetic://")
        closed = (before,) if step else ()
        self._store.commit(lease, Commit(lease.stream, 0, step, step, (opened,), (opened,), closed, (), (), after))
        return opened.id


def _segment(stream: str, step: int, closed: bool = False) -> Segment:
    start = max(0, step) * _STEP_S
    end = start + _STEP_S if closed else None
    return Segment(f"{stream}-{step}", stream, 0, "walk", start, end, 0.5, 0.5, "model")


def commits(home: str, orders: "Connection[Any, Any]") -> None:
    """The process that commits: takes loads, answers when each segment was committed."""
    with TimelineStore.open(None, Path(home)) as store:
        cameras = Cameras(store)
        orders.send("ready")
        while (load := orders.recv()) is not None:
            sent, begin_s = {}, time.monotonic()
            for number in range(load.commits):
                if load.rate:
                    time.sleep(max(0.0, begin_s + number / load.rate - time.monotonic()))
                now_s = time.monotonic()
                sent[cameras.commit(number)] = now_s
            orders.send(sent)


def receives(orders: "Connection[Any, Any]", hangs: bool) -> None:
    """The process that receives: says where, then takes numbers, answers when each of so many alerts arrived."""
    with Receiver() as receiver:
        receiver.answers = ["hang"] * 1000 if hangs else []
        orders.send(receiver.url)
        while (count := orders.recv()) is not None:
            arrived: dict[str, float] = {}
            while len(arrived) < count:
                got = receiver.next()
                arrived[got.document["segment"]["id"]] = got.at_s
            orders.send(arrived)


@contextmanager
def process(target: Any, *arguments: Any) -> Iterator["Connection[Any, Any]"]:
    """A process that takes orders until it is told None."""
    here, there = _PROCESSES.Pipe()
    place = (there, *arguments) if target is receives else (*arguments, there)
    running = _PROCESSES.Process(target=target, args=place, daemon=True)
    running.start()
    try:
        yield here
        here.send(None)
        running.join(10)
    finally:
        running.kill()


def measured(load: Load, committing: "Connection[Any, Any]", receiving: "Connection[Any, Any]") -> Arrived:
    """Let one process commit and the other receive all of it."""
    receiving.send(load.commits)
    committing.send(load)
    sent, arrived = committing.recv(), receiving.recv()
    took_ms = [1000 * (arrived[id_] - at_s) for id_, at_s in sent.items()]
    p50_ms, p99_ms, most_ms = np.percentile(took_ms, [50, 99, 100]).tolist()
    a_second = load.commits / (max(arrived.values()) - min(sent.values()))
    found = Arrived(load.what, load.commits, a_second, p50_ms, p99_ms, most_ms, load.goal_ms)
    print(f"{found.what:40} {a_second:6.0f}/s  p50 {p50_ms:7.1f} ms  p99 {p99_ms:7.1f} ms", flush=True)
    return found


def settings(*urls: str) -> AlertSettings:
    """Every URL is told of every segment that opens."""
    targets = {f"target-{number}": {"url": url} for number, url in enumerate(urls)}
    rule = {"labels": ["walk"], "targets": list(targets)}
    return AlertSettings.model_validate({"webhooks": targets, "rules": {"walks": rule}})


def run(share: float, home: Path) -> list[Arrived]:
    """Measure what one target takes, then how long alerts take at half of that, and beside one that hangs."""
    found = []
    with TimelineStore.open(None, home) as store, process(commits, str(home)) as committing:
        assert committing.recv() == "ready"
        with process(receives, False) as receiving, process(receives, True) as stuck:
            url, hanging = receiving.recv(), stuck.recv()
            with alerting(store, settings(url), {}):
                _await_watch(store)
                measured(Load("warm", 50, 0.0), committing, receiving)
                found.append(
                    measured(Load("as fast as they go", round(1000 * share), 0.0, None), committing, receiving)
                )
                half = found[0].a_second / 2
                found.append(measured(Load("five a second", round(100 * share), 5.0), committing, receiving))
                found.append(measured(Load("half load", round(half * 40 * share), half), committing, receiving))
            with alerting(store, settings(url, hanging), {}):
                beside = Load("half load, beside a target that hangs", round(half * 40 * share), half)
                found.append(measured(beside, committing, receiving))
    return found


def _await_watch(store: TimelineStore) -> None:
    outbox = AlertOutbox(store, 1, 1)
    while outbox.mark() is None:
        time.sleep(0.01)


def write(page: Path, found: Sequence[Arrived], failures: Sequence[str]) -> None:
    """Write the report."""
    head = ("load", "alerts", "a second", "p50 ms", "p99 ms", "longest ms", "goal p99 ms")
    rows = [
        (one.what, one.commits, f"{one.a_second:.0f}", *(f"{ms:.1f}" for ms in (one.p50_ms, one.p99_ms, one.most_ms)),
         f"{one.goal_ms:g}" if one.goal_ms else "–")
        for one in found
    ]  # fmt: skip
    about = (
        f"From before the call of a commit to the arrival of the webhook's request. {STREAMS} streams; one process "
        "commits, one watches and delivers, one receives. Half load is half of what one target takes where commits "
        "come as fast as they go. The machine had other work too: load average over five minutes "
        f"{os.getloadavg()[1]:.0f}."
    )
    document = {"failures": list(failures), "loads": [asdict(one) for one in found]}
    paper.write(page, "From commit to webhook", document, [paper.verdict(failures), about, paper.table(head, rows)])


def main() -> int:
    """Measure, print, write; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench.alerts", description="How long an alert takes to its webhook.")
    parser.add_argument("--share", type=float, default=1.0, help="of the number of commits")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/alerts.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = run(given.share, Path(home))
    failures = [f"{one.what}: p99 {one.p99_ms:.0f} ms, goal < {one.goal_ms:g} ms" for one in found if one.misses]
    write(given.report, found, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
