"""`make fleet`: what the control plane costs per stream, from 20 to 200 simulated streams.

The streams are simulated: one tiny picture a second, which costs next to nothing to decode, and a model so small that
it computes next to nothing. So what is measured is what it takes to lead and to keep them: supervisor, Ray's GCS,
Redis with every lease and commit. Per stream it must be flat: at 200 at most half as much again as at 20.
"""

import argparse
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.control.wish import Wish
from tests.chaos import paper
from tests.chaos.parts import ROOT, Served, Server, until
from tests.fleet.cost import CONTROL, Cost
from tests.fleet.films import cheap
from tests.models.micro import make_model_dir

SIZES = (20, 50, 100, 200)
FLAT = 1.5
START_S, SETTLE_S = 300.0, 15.0
FILM_S, FPS, SAMPLED_FPS = 3600.0, 1, 0.2


@dataclass(frozen=True, slots=True)
class Level:
    """What so many streams cost, each part over the same seconds.

    Attributes:
        hosts: processes they were watched in.
        cpu_ms_per_s: processor time by part.
        mib: memory by part.
    """

    streams: int
    hosts: int
    seconds: float
    cpu_ms_per_s: dict[str, float]
    mib: dict[str, float]

    def per_stream(self, of: dict[str, float], parts: Sequence[str]) -> float:
        """One stream's share of some parts."""
        return sum(of[part] for part in parts) / self.streams


def main() -> int:
    """Measure, print, write; 1 where the control plane grows faster than the fleet."""
    parser = argparse.ArgumentParser(prog="fleet", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of streams, growing")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each is measured")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/fleet.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        levels = measured(Path(folder), [int(size) for size in arguments.sizes.split(",")], arguments.seconds)
    failures = not_flat(levels)
    write(levels, failures, arguments.report)
    print(told(levels), *failures, sep="\n")
    return 1 if failures else 0


def measured(folder: Path, sizes: Sequence[int], seconds: float) -> list[Level]:
    """Wish for more and more streams of one served fleet, and measure each time.

    Raises:
        RuntimeError: not everybody was watched in time.
    """
    model, film = make_model_dir(folder / "model"), cheap(folder / "film.mp4", FILM_S, FPS)
    server = Server(folder / "redis")
    served = Served(folder, {"serve": {"streams_per_host": 20}}, server.url, "--model", str(model))
    try:
        return [_level(served, server, _wish_for(served, film, size), seconds) for size in sizes]
    finally:
        served.stop()
        served.close()
        server.kill()


def _wish_for(served: Served, film: Path, size: int) -> list[str]:
    """Wish for so many streams in all; returns their names."""
    wanted, known = [f"sim-{number:03d}" for number in range(size)], served.board.wishes()
    for name in wanted:
        if name not in known:
            served.board.put(Wish(name, str(film), fps=SAMPLED_FPS, realtime=True))
    served.board.poke()
    return wanted


def _level(served: Served, server: Server, wanted: Sequence[str], seconds: float) -> Level:
    if not until(lambda: _watched(served, wanted) or served.over(), START_S) or served.over():
        raise RuntimeError(f"not all of {len(wanted)} streams are watched: {served.said()}")
    pause = threading.Event()
    pause.wait(SETTLE_S)
    before = Cost.now(served.pid, server.process.pid)
    pause.wait(seconds)
    after = Cost.now(served.pid, server.process.pid)
    spent = {part: 1000 * (after.cpu_s[part] - before.cpu_s[part]) / seconds for part in after.cpu_s}
    level = Level(len(wanted), len(served.board.hosts()), seconds, spent, after.mib)
    print(_row(level), file=sys.stderr, flush=True)
    return level


def _watched(served: Served, wanted: Sequence[str]) -> bool:
    infos = served.infos()
    return set(wanted) <= set(served.board.held()) and all(infos[name].state == "running" for name in wanted)


def not_flat(levels: Sequence[Level]) -> list[str]:
    """What costs more per stream in the largest fleet than `FLAT` times what it costs in the smallest."""
    few, many, wrong = levels[0], levels[-1], []
    for what, unit in (("cpu_ms_per_s", "ms/s"), ("mib", "MiB")):
        first, last = (level.per_stream(getattr(level, what), CONTROL) for level in (few, many))
        if last > FLAT * first:
            wrong.append(
                f"the control plane costs {last:.2f} {unit} per stream with {many.streams} streams and {first:.2f} "
                f"with {few.streams}"
            )
    return wrong


def write(levels: Sequence[Level], failures: Sequence[str], page: Path) -> None:
    """Write the page and the document beside it."""
    parts = [
        paper.verdict(failures),
        "Simulated streams: one tiny picture a second; the model computes next to nothing. "
        "Control plane is " + ", ".join(CONTROL) + ". What it is about: [bench.md](../bench.md).",
        told(levels),
        "## By part, ms of processor time a second",
        _by_part(levels, "cpu_ms_per_s"),
        "## By part, MiB",
        _by_part(levels, "mib"),
    ]
    paper.write(
        page, "From 20 to 200 streams", {"failures": failures, "levels": [asdict(one) for one in levels]}, parts
    )


def told(levels: Sequence[Level]) -> str:
    """The table of what one stream costs."""
    head = (
        "streams",
        "hosts",
        "control: CPU ms/s per stream",
        "MiB per stream",
        "all: CPU ms/s per stream",
        "MiB each",
    )
    return paper.table(head, [_cells(level) for level in levels])


def _cells(level: Level) -> tuple[str, ...]:
    figures = [
        level.per_stream(of, parts) for parts in (CONTROL, tuple(level.mib)) for of in (level.cpu_ms_per_s, level.mib)
    ]
    return (str(level.streams), str(level.hosts), *(f"{figure:.2f}" for figure in figures))


def _row(level: Level) -> str:
    return "  ".join(_cells(level))


def _by_part(levels: Sequence[Level], what: str) -> str:
    head = ("part", *(f"{level.streams} streams" for level in levels))
    rows = [(part, *(f"{getattr(level, what)[part]:.1f}" for level in levels)) for part in levels[0].mib]
    return paper.table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
