"""`make nodes`: what one, two and four nodes that decode get done, with a quarter of a core each.

A head, one node that computes and the nodes that decode are processes of this machine, made by `longtake head`, `join`
and `serve`; control groups give every node that decodes the same small share of the processor, so that all of them
fit. Recordings are read as fast as they can be, and the model computes next to nothing: what is measured is decoding.
Per core it must be the same on four nodes as on one, to within 10 %.
"""

import argparse
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from actors.family import descendants
from pipeline.control.wish import Wish
from tests.chaos import paper
from tests.chaos.parts import ROOT
from tests.cluster.joined import Joined
from tests.fleet.films import looped
from tests.fleet.quota import Quota
from tests.models.micro import make_model_dir

SIZES = (1, 2, 4)
CORES = 0.25
STREAMS = 2  # on every node
FILM_S = 7200.0
WITHIN = 0.10
START_S, SETTLE_S = 180.0, 20.0


@dataclass(frozen=True, slots=True)
class Level:
    """What so many nodes got done.

    Attributes:
        watched_s: seconds of film that were answered.
        cpu_s: processor time of the nodes that decode, all that runs there.
    """

    nodes: int
    seconds: float
    watched_s: float
    cpu_s: float

    @property
    def per_core(self) -> float:
        """Seconds of film per second of one core."""
        return self.watched_s / self.cpu_s


def main() -> int:
    """Measure, print, write; 1 where a core gets less done among more nodes."""
    parser = argparse.ArgumentParser(prog="nodes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each is measured")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/nodes.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nodes-") as folder:
        levels = measured(Path(folder), arguments.seconds)
    failures = uneven(levels)
    write(levels, failures, arguments.report)
    print(told(levels), *failures, sep="\n")
    return 1 if failures else 0


def measured(folder: Path, seconds: float) -> list[Level]:
    """Let node after node join one served cluster, and measure at every size."""
    film, model = looped(folder / "film.mp4", FILM_S), make_model_dir(folder / "model")
    with ExitStack() as parts, Joined(folder, {}, ("model",), str(model)) as cluster:
        levels: list[Level] = []
        nodes: list[str] = []
        for size in SIZES:
            new = [f"decode-{number}" for number in range(len(nodes), size)]
            nodes += new
            for name in new:
                cluster.start(name, "join", cluster.address, "--role", "decode")
            cluster.until(lambda new=new: all("a node of the cluster" in cluster.said(name) for name in new), START_S)
            for number in range(size * STREAMS):
                if f"film-{number}" not in cluster.board.wishes():
                    cluster.board.put(Wish(f"film-{number}", str(film)))
            cluster.board.poke()
            cluster.until(lambda size=size: _spread(cluster) == [STREAMS] * size, START_S)
            for name in new:
                parts.enter_context(Quota(name, CORES)).limit(_pids(cluster, name))
            levels.append(_level(cluster, nodes, seconds))
        return levels


def _spread(cluster: Joined) -> list[int]:
    """How many streams each node holds, ascending."""
    hosts, held = cluster.board.hosts(), cluster.board.held()
    return sorted(Counter(hosts[one.host].node for one in held.values() if one.host in hosts).values())


def _pids(cluster: Joined, name: str) -> list[int]:
    of = cluster.processes[name].pid
    return [of, *descendants(of)]


def _cpu_s(cluster: Joined, nodes: Sequence[str]) -> float:
    times = [psutil.Process(pid).cpu_times() for name in nodes for pid in _pids(cluster, name)]
    return sum(time.user + time.system for time in times)


def _level(cluster: Joined, nodes: Sequence[str], seconds: float) -> Level:
    pause = threading.Event()
    pause.wait(SETTLE_S)
    cpu_s, reached_s = _cpu_s(cluster, nodes), sum(cluster.reached_s().values())
    pause.wait(seconds)
    watched_s, cpu_s = sum(cluster.reached_s().values()) - reached_s, _cpu_s(cluster, nodes) - cpu_s
    level = Level(len(nodes), seconds, watched_s, cpu_s)
    print("  ".join(_cells(level)), file=sys.stderr, flush=True)
    return level


def uneven(levels: Sequence[Level]) -> list[str]:
    """Where a core gets more or less done than on one node, by more than `WITHIN`."""
    alone = levels[0].per_core
    return [
        f"{level.nodes} nodes watch {level.per_core:.1f} s of film per core second, one alone {alone:.1f}"
        for level in levels[1:]
        if abs(level.per_core / alone - 1) > WITHIN
    ]


def write(levels: Sequence[Level], failures: Sequence[str], page: Path) -> None:
    """Write the page and the document beside it."""
    parts = [
        paper.verdict(failures),
        f"Nodes that decode have {CORES:g} of a core each, for all that runs there, and {STREAMS} recordings. "
        "What it is about: [scaling.md](../scaling.md).",
        told(levels),
    ]
    document = {"failures": failures, "cores_per_node": CORES, "levels": [asdict(one) for one in levels]}
    paper.write(page, "From one node to four", document, parts)


def told(levels: Sequence[Level]) -> str:
    """The table of what nodes get done."""
    head = (
        "nodes",
        "cores they had",
        "film watched, s/s",
        "s/s per node",
        "cores they used",
        "s of film per core second",
    )
    return paper.table(head, [_cells(level) for level in levels])


def _cells(level: Level) -> tuple[str, ...]:
    rate = level.watched_s / level.seconds
    figures = (level.nodes * CORES, rate, rate / level.nodes, level.cpu_s / level.seconds, level.per_core)
    return (str(level.nodes), *(f"{figure:.2f}" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
