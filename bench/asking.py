"""How long a store with a million segments takes to answer.

    python -m bench.asking --home DIR

Each question is asked again and again, of another stream and another range every time, by one client. What counts is
the time from the call to the values, Redis and decoding included.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from bench.filled import BEGIN_S, END_S, LABELS, arguments, opened
from bench.task import ROOT
from pipeline.timeline.pages import Question
from pipeline.timeline.reads import Span
from pipeline.timeline.store import TimelineStore
from tests.chaos import paper

LIMIT = 100
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
GOAL_MS = 10.0
_WARM = 20

Once: TypeAlias = Callable[[TimelineStore, Sequence[str], np.random.Generator], int]
"""Asks a question of the streams with these names, in a random place; returns how many values came back."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of question.

    Attributes:
        times: how often it is asked.
        goal_ms: of the 99th percentile, where there is one.
    """

    what: str
    once: Once
    times: int
    goal_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How long it took, in milliseconds, and how many values came back on average."""

    what: str
    times: int
    values: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    goal_ms: float | None

    @property
    def misses(self) -> bool:
        """Whether it takes longer than it should."""
        return self.goal_ms is not None and self.p99_ms >= self.goal_ms


def page(
    length_s: float, of: Literal["one", "all"] = "one", labels: int | None = None, newest_first: bool = False
) -> Once:
    """Ask for a page of one stream, or of all, in a random range; of all labels, or of so many random ones."""

    def once(store: TimelineStore, names: Sequence[str], random: np.random.Generator) -> int:
        streams = (str(random.choice(names)),) if of == "one" else tuple(names)
        wanted = None if labels is None else tuple(random.choice(LABELS, labels).tolist())
        since = float(random.uniform(BEGIN_S, END_S - length_s))
        question = Question(streams, Span(since, since + length_s), wanted)
        return len(store.page(question, LIMIT, newest_first=newest_first).items)

    return once


def month(bins: int) -> Once:
    """Ask for an overview of a month of one stream."""

    def once(store: TimelineStore, names: Sequence[str], random: np.random.Generator) -> int:
        return len(store.overview(str(random.choice(names)), BEGIN_S, END_S, bins).gaps)

    return once


ASKS = (
    Ask("one stream, one label, 1 h", page(HOUR_S, labels=1), 2000, GOAL_MS),
    Ask("one stream, all labels, 10 min", page(10 * MINUTE_S), 2000, GOAL_MS),
    Ask("one stream, all labels, a day", page(DAY_S), 2000, GOAL_MS),
    Ask("one stream, all labels, a day, newest first", page(DAY_S, newest_first=True), 2000, GOAL_MS),
    Ask("all streams, all labels, newest of a day", page(DAY_S, "all", newest_first=True), 200),
    Ask("all streams, one label, 1 h", page(HOUR_S, "all", labels=1), 200),
    Ask("overview of a month by hours", month(720), 300),
    Ask("overview of a month by half hours", month(1440), 100),
)


def main() -> int:
    """Fill, ask, print, write; 1 where a goal is missed."""
    parser = arguments("How long a store with a million segments takes to answer.")
    parser.add_argument("--share", type=float, default=1.0, help="of the number of times each question is asked")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/asking.md")
    given = parser.parse_args()
    with opened(given.home, given.store, given.streams, given.segments) as store:
        found = [answered(store, ask, max(1, round(given.share * ask.times))) for ask in ASKS]
        used_mib = store.server_info().used_bytes / 2**20
    failures = [f"{one.what}: p99 {one.p99_ms:.1f} ms, goal < {one.goal_ms:g} ms" for one in found if one.misses]
    write(given.report, found, failures, f"{given.segments:,} segments of {given.streams} streams, {used_mib:.0f} MiB")
    return 1 if failures else 0


def answered(store: TimelineStore, ask: Ask, times: int) -> Answered:
    """Ask one question `times` times, after some that do not count."""
    names, random = store.names(), np.random.default_rng(0)
    took_ms, values = [], 0
    for number in range(-_WARM, times):
        began_s = time.perf_counter()
        count = ask.once(store, names, random)
        if number >= 0:
            took_ms.append(1000 * (time.perf_counter() - began_s))
            values += count
    p50_ms, p99_ms, most_ms = np.percentile(took_ms, [50, 99, 100]).tolist()
    found = Answered(ask.what, times, values / times, p50_ms, p99_ms, most_ms, ask.goal_ms)
    print(f"{found.what:45} {found.values:6.1f} values  p50 {p50_ms:6.2f} ms  p99 {p99_ms:6.2f} ms", flush=True)
    return found


def write(
    page: Path, found: Sequence[Answered], failures: Sequence[str], store: str, title: str = "Asking the store"
) -> None:
    """Write the report."""
    head = ("question", "times", "values", "p50 ms", "p99 ms", "longest ms", "goal p99 ms")
    rows = [
        (
            one.what,
            one.times,
            f"{one.values:.1f}",
            *(f"{ms:.2f}" for ms in (one.p50_ms, one.p99_ms, one.most_ms)),
            f"{one.goal_ms:g}" if one.goal_ms else "–",
        )
        for one in found
    ]
    document = {"store": store, "failures": list(failures), "questions": [asdict(one) for one in found]}
    about = f"{store}; a page has up to {LIMIT} values. One client, every time another stream and another range."
    paper.write(page, title, document, [paper.verdict(failures), about, paper.table(head, rows)])


if __name__ == "__main__":
    sys.exit(main())
