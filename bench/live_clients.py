"""What 500 live clients cost, and how long a commit takes to one: `python -m bench.live_clients`.

A server, a writer and the clients are processes of their own over one embedded store. The writer commits a gap a time,
whose start is the moment before its commit; a client notes when it has read it. Beside those that follow everything
stand many that follow a stream in which nothing happens, and some that never read what they are sent.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np
import psutil

from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, GapReason

ROOT = Path(__file__).parents[1]
STREAMS, QUIET = 100, "quiet"
LABELS = frozenset({"walk"})
MOST_MS, MOST_MIB = 100.0, 64.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a run has shown; milliseconds from before a commit until a client has it, MiB of the server (USS)."""

    waiting: int
    listening: int
    stuck: int
    commits_per_s: float
    events: int
    lost: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    commit_p99_ms: float
    mib_alone: float
    mib_waiting: float
    mib_after: float
    cpu: float
    load: float

    @property
    def held(self) -> bool:
        """Whether it is as promised."""
        return self.p99_ms < MOST_MS and self.mib_after - self.mib_alone < MOST_MIB and not self.lost


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="bench.live_clients", description=__doc__)
    parser.add_argument("--waiting", type=int, default=500, help="clients to whom nothing happens")
    parser.add_argument("--listening", type=int, default=10, help="clients that follow everything")
    parser.add_argument("--stuck", type=int, default=20, help="clients that follow everything and never read")
    parser.add_argument("--rate", type=float, default=60.0, help="commits a second, over 100 streams")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/live-clients.md")
    parser.add_argument("--part", choices=["serve", "write"], help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        (serve if arguments.part == "serve" else write)(arguments)
        return 0
    with TemporaryDirectory(prefix="live-") as folder, TimelineStore.open(None, Path(folder)) as store:
        leases(store)
        with part("serve", Path(folder), arguments) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            found = asyncio.run(measured(arguments, Path(folder), url, psutil.Process(server.pid)))
    arguments.report.write_text(report(found))
    arguments.report.with_suffix(".json").write_text(json.dumps(asdict(found), indent=2) + "\n")
    print(report(found))
    return 0 if found.held else 1


@contextmanager
def part(name: str, home: Path, arguments: argparse.Namespace) -> "Iterator[subprocess.Popen[str]]":
    """A process of the bench, as long as the context lasts."""
    command = [sys.executable, "-m", "bench.live_clients", "--part", name, "--home", str(home)]
    command += ["--rate", str(arguments.rate), "--seconds", str(arguments.seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.communicate()  # closes its input, which ends a server


def serve(arguments: argparse.Namespace) -> None:
    """Serve until nobody is there any more."""
    with TimelineStore.open(None, arguments.home) as store, serving(Backend(store, ApiSettings(port=0))) as url:
        print(url, flush=True)
        sys.stdin.read()


def write(arguments: argparse.Namespace) -> None:
    """Commit a gap a time, at the rate asked for."""
    with TimelineStore.open(None, arguments.home) as store:
        held, took_s = leases(store), []
        begun_s = time.monotonic()
        for number in range(round(arguments.rate * arguments.seconds)):
            time.sleep(max(0.0, begun_s + number / arguments.rate - time.monotonic()))
            step, which = divmod(number, STREAMS)
            before_s = time.monotonic()
            store.commit(held[which], commit(held[which].stream, step))
            took_s.append(time.monotonic() - before_s)
    print(round(1000 * float(np.percentile(took_s, 99)), 1), flush=True)


def leases(store: TimelineStore) -> list[Lease]:
    """The streams, a quiet one beside those that are committed to."""
    names = [*(f"camera-{number:03}" for number in range(STREAMS)), QUIET]
    return [store.claim(name, "file.mp4", "model", LABELS) for name in names]


def commit(stream: str, step: int) -> Commit:
    """A step that adds one gap, which begins now."""
    now_s = time.time()
    place = (stream, 0, step, 0.0, step, float(step), bytes(16), now_s, now_s)
    after = Checkpoint(*place, np.zeros(128, np.float32), b"", None, "numerics", "model", "file.mp4")
    return Commit(stream, 0, step, step, (), (), (), (Gap(stream, now_s, now_s, GapReason.DROPPED),), (), after)


async def measured(arguments: argparse.Namespace, home: Path, url: str, server: psutil.Process) -> Found:
    """Let clients come, commits be written, and look at both."""
    warm = await listening(url, "*")
    alone = mib(server)
    waiting = [await listening(url, QUIET) for _ in range(arguments.waiting)]
    held = mib(server)
    follows = [await listening(url, "camera-*") for _ in range(arguments.listening)]
    stuck = [await listening(url, "camera-*") for _ in range(arguments.stuck)]
    count = round(arguments.rate * arguments.seconds)
    before_s = sum(server.cpu_times()[:2])
    with part("write", home, arguments) as written:
        delays = await asyncio.gather(*(delays_of(reader, count) for reader, _ in follows))
        assert written.stdout is not None
        commit_p99_ms = float(written.stdout.readline())
    took_s = sum(server.cpu_times()[:2]) - before_s
    after = mib(server)
    for _, writer in (warm, *waiting, *follows, *stuck):
        writer.transport.abort()
    told_ms = 1000 * np.concatenate(delays)
    return Found(
        waiting=arguments.waiting,
        listening=arguments.listening,
        stuck=arguments.stuck,
        commits_per_s=arguments.rate,
        events=len(told_ms),
        lost=count * arguments.listening - len(told_ms),
        p50_ms=round(float(np.percentile(told_ms, 50)), 1),
        p99_ms=round(float(np.percentile(told_ms, 99)), 1),
        most_ms=round(float(told_ms.max()), 1),
        commit_p99_ms=commit_p99_ms,
        mib_alone=alone,
        mib_waiting=held,
        mib_after=after,
        cpu=round(took_s / arguments.seconds, 2),
        load=round(os.getloadavg()[0], 1),
    )


async def listening(url: str, streams: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has read everything up to `ready`."""
    host = urlsplit(url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(f"GET /api/live?stream={streams} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
    await reader.readuntil(b"event: ready")
    return reader, writer


async def delays_of(reader: asyncio.StreamReader, count: int) -> np.ndarray:
    """Seconds from before a commit until its gap was read, of so many; fewer where they stay away for long."""
    delays: list[float] = []
    while len(delays) < count:
        try:
            line = await asyncio.wait_for(reader.readline(), 10)
        except TimeoutError:
            break
        if line.startswith(b'data: {"kind":"gap"'):
            delays.append(time.time() - json.loads(line[6:])["start_time"])
    return np.array(delays)


def mib(process: psutil.Process) -> float:
    """What a process has for itself."""
    return round(process.memory_full_info().uss / 2**20, 1)


def report(found: Found) -> str:
    """The page about a run."""
    each_kib = 1024 * (found.mib_waiting - found.mib_alone) / max(1, found.waiting)
    disturbed = f"load {found.load}, our processes at nice {os.getpriority(os.PRIO_PROCESS, 0)}"
    rows = {
        "machine": f"{os.cpu_count()} cores of {platform.machine()}; {disturbed}",
        "clients": f"{found.waiting} wait, {found.listening} follow all, {found.stuck} follow all and never read",
        "commits": f"{found.commits_per_s:g} a second over {STREAMS} streams, an event each",
        "events": f"{found.events} read, {found.lost} lost",
        "from before a commit until it is read": f"median {found.p50_ms} ms, 99th percentile {found.p99_ms} ms, "
        f"longest {found.most_ms} ms",
        "of that the commit itself": f"99th percentile {found.commit_p99_ms} ms",
        "memory of the server": f"{found.mib_alone} MiB with one client, {found.mib_waiting} MiB with "
        f"{found.waiting} ({each_kib:.0f} KiB each), {found.mib_after} MiB at the end",
        "processor of the server": f"{100 * found.cpu:.0f} % of a core",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    about = (__doc__ or "").partition("\n\n")[2]
    return (
        f"# Live clients\n\n`python -m bench.live_clients`. {about}\n| | |\n|---|---|\n{table}\n\n"
        f"Held to: 99th percentile below {MOST_MS:g} ms, less than {MOST_MIB:g} MiB for all clients, nothing lost.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
