"""How long SQL over a million segments takes: at first, with copies of them on the disk, and with these in memory.

    python -m bench.sql --home DIR

Wall time is what a user waits; beside it stands the processor time of this process and its children, which other work
on the machine changes less. The server of the store is not one of them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.filled import arguments, opened
from bench.task import ROOT
from pipeline.ask.engine import SqlLimits
from pipeline.ask.sql import Sql, cache_folder
from tests.chaos import paper

COUNT = "select label, count(*) from segments group by 1"
QUERIES = {
    "count by label": COUNT,
    "one label by stream": "select stream, count(*) from segments where label = 'fall' group by 1",
    "seconds by label and day": "select label, day, sum(seconds) from segments group by all",
    "the ten longest": "select * from segments order by seconds desc limit 10",
    "seconds by reason of a gap": "select reason, sum(seconds) from gaps group by 1",
    "hours, from the aggregates": "select label, sum(seconds) from hours group by 1",
}
GOAL_MS = 500.0
_LIMITS = SqlLimits(timeout_s=120.0)


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of each time it was done."""

    what: str
    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]

    def row(self) -> list[str]:
        spread = f"{min(self.wall_ms):.0f} … {max(self.wall_ms):.0f}"
        return [self.what, str(len(self.wall_ms)), f"{median(self.wall_ms):.0f}", spread, f"{median(self.cpu_ms):.0f}"]


def main() -> int:
    """Fill, ask, print, write; 1 where the goal is missed."""
    parser = arguments("How long SQL over a million segments takes.")
    parser.add_argument("--times", type=int, default=10, help="that each is done")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/sql.md")
    given = parser.parse_args()
    copies = cache_folder(given.home, given.store)
    with opened(given.home, given.store, given.streams, given.segments) as store:
        Sql(store, copies / "warm").ask("select 1", _LIMITS)  # loads libraries
        shutil.rmtree(copies, ignore_errors=True)
        first = took("count by label, no copies yet", 1, lambda: Sql(store, copies).ask(COUNT, _LIMITS))
        disk = took("count by label, copies on disk", given.times, lambda: Sql(store, copies).ask(COUNT, _LIMITS))
        sql = Sql(store, copies)
        again = [
            took(f"{what}, in memory", given.times, lambda q=query: sql.ask(q, _LIMITS))
            for what, query in QUERIES.items()
        ]
        command = took("the command, start to end", min(3, given.times), lambda: run_command(given.home, given.store))
    size_mib = sum(path.stat().st_size for path in copies.iterdir()) / 2**20
    about = f"{given.segments:,} segments of {given.streams} streams; their copies take {size_mib:.0f} MiB. {load()}"
    return write(given.report, [first, disk, *again, command], disk, about)


def took(what: str, times: int, once: Callable[[], object]) -> Took:
    """Do it `times` times."""
    wall_ms, cpu_ms = [], []
    for _ in range(times):
        began_s, began_cpu_s = time.perf_counter(), cpu_s()
        once()
        wall_ms.append(1000 * (time.perf_counter() - began_s))
        cpu_ms.append(1000 * (cpu_s() - began_cpu_s))
    found = Took(what, tuple(wall_ms), tuple(cpu_ms))
    print(*found.row(), sep="  ", flush=True)
    return found


def cpu_s() -> float:
    """Processor seconds of this process and of the children it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def run_command(home: Path, url: str | None) -> None:
    """Ask in a process of its own."""
    where = ["--store", url] if url else []
    command = [sys.executable, "-m", "longtake", "sql", COUNT, "--timeout", "2m", *where]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"LONGTAKE_HOME": str(home)})


def load() -> str:
    """What else the machine did."""
    return f"Load of the machine, last five minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores."


def write(page: Path, found: list[Took], goal: Took, about: str) -> int:
    """Write the report; 1 where the goal is missed."""
    waited_ms = median(goal.wall_ms)
    failures = [f"{goal.what}: {waited_ms:.0f} ms, goal < {GOAL_MS:g} ms"] if waited_ms >= GOAL_MS else []
    head = ("question", "times", "median ms", "least … most", "processor ms")
    document = {"failures": failures, "store": about, "took": [asdict(one) for one in found]}
    table = paper.table(head, [one.row() for one in found])
    paper.write(page, "SQL over a million segments", document, [paper.verdict(failures), about, table])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
