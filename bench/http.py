"""How long the HTTP API takes to answer over a store with a million segments.

    python -m bench.http --home DIR

`longtake web` is a process of its own; one client asks it over one connection, each time of another stream and another
range. What counts is the time from the request to the last byte of the answer, read as JSON.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import numpy as np
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from bench.asking import DAY_S, HOUR_S, LIMIT, MINUTE_S, Answered, write
from bench.filled import BEGIN_S, END_S, LABELS, arguments, opened
from bench.task import ROOT
from tests.timeline.servers import free_port

GOAL_MS = 25.0
_WARM = 20

Url: TypeAlias = Callable[[Sequence[str], np.random.Generator], tuple[str, dict[str, Any]]]
"""Returns a path and its parameters, of one of these streams and a random place in time."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of question; `goal_ms` is of the 99th percentile, where there is one."""

    what: str
    url: Url
    times: int
    goal_ms: float | None = None


def timeline(length_s: float, label: bool = False, every: bool = False, path: str = "/api/timeline") -> Url:
    """Ask for a page of a range: of one stream or of all, of one random label or all of them."""

    def url(names: Sequence[str], random: np.random.Generator) -> tuple[str, dict[str, Any]]:
        asked: dict[str, Any] = {"after": random.uniform(BEGIN_S, END_S - length_s), "limit": LIMIT}
        asked |= {} if every else {"stream": random.choice(names)}
        return path, asked | {"before": asked["after"] + length_s} | ({"label": random.choice(LABELS)} if label else {})

    return url


def month(names: Sequence[str], random: np.random.Generator) -> tuple[str, dict[str, Any]]:
    """Ask for an overview of a month of one stream, by hours."""
    return "/api/overview", {"stream": random.choice(names), "after": BEGIN_S, "before": END_S, "bins": 720}


ASKS = (
    Ask("one stream, one label, 1 h", timeline(HOUR_S, label=True), 2000, GOAL_MS),
    Ask("one stream, all labels, 10 min", timeline(10 * MINUTE_S), 2000, GOAL_MS),
    Ask("one stream, all labels, a day", timeline(DAY_S), 2000, GOAL_MS),
    Ask("one stream, events of a day", timeline(DAY_S, path="/api/events"), 2000, GOAL_MS),
    Ask("all streams, events of a day", timeline(DAY_S, every=True, path="/api/events"), 200),
    Ask("all streams, as a list", lambda *_: ("/api/streams", {}), 100),
    Ask("overview of a month by hours", month, 300),
)


def main() -> int:
    """Fill, serve, ask, print, write; 1 where a goal is missed."""
    parser = arguments("How long the HTTP API takes to answer over a store with a million segments.")
    parser.add_argument("--share", type=float, default=1.0, help="of the number of times each question is asked")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/http.md")
    given = parser.parse_args()
    with opened(given.home, given.store, given.streams, given.segments) as store:
        names, used_mib = store.names(), store.server_info().used_bytes / 2**20
        with served(given.home, given.store) as client:
            found = [answered(client, ask, names, max(1, round(given.share * ask.times))) for ask in ASKS]
    failures = [f"{one.what}: p99 {one.p99_ms:.1f} ms, goal < {one.goal_ms:g} ms" for one in found if one.misses]
    about = f"{given.segments:,} segments of {given.streams} streams, {used_mib:.0f} MiB"
    write(given.report, found, failures, about, "Asking over HTTP")
    return 1 if failures else 0


@contextmanager
def served(home: Path, store: str | None) -> Iterator[httpx.Client]:
    """Run `longtake web` over the store, and yield a client of it."""
    port = free_port()
    command = [sys.executable, "-m", "longtake", "web", "--port", str(port), *(["--store", store] if store else [])]
    process = subprocess.Popen(command, env=os.environ | {"LONGTAKE_HOME": str(home)})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            patience = Retrying(
                retry=retry_if_exception_type(httpx.ConnectError), stop=stop_after_delay(60), wait=wait_fixed(0.2)
            )
            patience(client.get, "/healthz")
            yield client
    finally:
        process.terminate()
        process.wait()


def answered(client: httpx.Client, ask: Ask, names: Sequence[str], times: int) -> Answered:
    """Ask one question `times` times, after some that do not count."""
    random = np.random.default_rng(0)
    took_ms, values = [], 0
    for number in range(-_WARM, times):
        path, parameters = ask.url(names, random)
        began_s = time.perf_counter()
        answer = client.get(path, params=parameters)
        document = answer.raise_for_status().json()
        if number >= 0:
            took_ms.append(1000 * (time.perf_counter() - began_s))
            values += _values(document)
    p50_ms, p99_ms, most_ms = np.percentile(took_ms, [50, 99, 100]).tolist()
    found = Answered(ask.what, times, values / times, p50_ms, p99_ms, most_ms, ask.goal_ms)
    print(f"{found.what:45} {found.values:6.1f} values  p50 {p50_ms:6.2f} ms  p99 {p99_ms:6.2f} ms", flush=True)
    return found


def _values(document: dict[str, Any]) -> int:
    """How many things an answer tells of; of an overview, how many bins."""
    lists = [part for part in document.values() if isinstance(part, list)]
    return sum(map(len, lists or [one["gaps"] for one in document["streams"].values()]))


if __name__ == "__main__":
    sys.exit(main())
