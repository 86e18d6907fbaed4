"""Longtake beside what one would write instead, in one run on one machine: `python -m bench`.

Contestants take turns, round by round, each in a fresh process. The table says medians and spread; `bench/latest.json`
keeps every round. docs/bench.md says what is measured and how.
"""

import argparse
import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import film, live, pss, report
from bench.report import Findings, Proof
from bench.task import FPS, Result, Task, own_folder, run
from pipeline.models.card import DEFAULT_MODEL, resolve

LATEST = Path(__file__).parent / "latest.json"
MEMORY_OF = ("inline", "ray", "process")
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, on which films."""

    film: Path
    warm: Path
    model: Path
    rounds: int
    names: tuple[str, ...]
    live_s: float
    live_limit: int

    def task(self, contestant: str, streams: int, folder: str, prove: bool = False) -> Task:
        films = (str(self.film),) * streams
        return Task(contestant, films, str(self.warm), str(self.model), folder, prove)

    def has(self, name: str) -> bool:
        return name in self.names


def main() -> int:
    """Measure, print, write; 1 where two contestants did not see the same clips."""
    arguments = _arguments()
    plan = _plan(arguments)
    found = Findings(film=plan.film, model=plan.model)
    for name in _proofs(plan):
        console.print(f"proof   {name}")
        found.proofs[name] = _proof(plan, name)
    for number in range(plan.rounds):
        for name in (name for name in report.CONTESTANTS if plan.has(name)):
            result = _measured(plan, name)
            found.rounds.setdefault(name, []).append(result)
            console.print(f"round {number + 1}/{plan.rounds}  {report.sentence(name, result)}", highlight=False)
    if plan.has("memory"):
        found.memory = {name: _memory_mib(plan, name) for name in MEMORY_OF}
    if plan.has("live"):
        found.tries = {name: _live(plan, name, found) for name in ("ray", "process")}
    report.write(found, arguments.output)
    report.show(found, Console())
    return 0 if found.same_clips() else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often everybody takes a turn")
    parser.add_argument("--seconds", type=int, default=60, help="length of the film; a multiple of 4")
    parser.add_argument("--quick", action="store_true", help="one round, 20 s of film, few cameras: does it run at all")
    parser.add_argument("--only", default="", metavar="NAME,…", help="choose from " + " ".join(report.STEPS))
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a registered model or a model directory")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures are written")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    names = tuple(arguments.only.split(",")) if arguments.only else tuple(report.STEPS)
    unknown = set(names) - set(report.STEPS)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(report.STEPS)}")
    quick = arguments.quick
    seconds = min(arguments.seconds, 20) if quick else arguments.seconds
    console.print(f"film    {seconds} s of synthetic scene, {film.SIZE[0]}×{film.SIZE[1]}, kept in {film.cache()}")
    return Plan(
        film=film.make(seconds),
        warm=film.make(min(seconds, film.WARM_S)),
        model=resolve(arguments.model),
        rounds=1 if quick else arguments.rounds,
        names=names,
        live_s=12.0 if quick else 24.0,
        live_limit=2 if quick else _affordable_streams(),
    )


def _affordable_streams() -> int:
    """How many processes of the best rival fit into this machine: about 400 MB each."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(8, int(0.8 * memory / 400e6))


def _proofs(plan: Plan) -> Iterable[str]:
    """Everybody who sees longtake's clips, and the plain loop, whose own resize gives others."""
    wanted = {"decode", *(report.CONTESTANTS[name].contestant for name in plan.names if name in report.CONTESTANTS)}
    return [name for name in ("decode", "inline", "ray", "plain", "tuned", "process") if name in wanted]


def _proof(plan: Plan, name: str) -> Proof:
    """One film, untimed, with the digest of its clips and the probabilities."""
    result = _run(plan.task(name, 1, "", prove=True))
    digest = _run(plan.task("ray_witness", 1, "", prove=True)).digest if name == "ray" else result.digest
    return Proof(digest, result.clips, result.probs)


def _measured(plan: Plan, name: str) -> Result:
    contestant = report.CONTESTANTS[name]
    return _run(plan.task(contestant.contestant, contestant.streams, ""))


def _run(task: Task) -> Result:
    with own_folder() as folder:
        return run(_in(task, folder))


def _in(task: Task, folder: str) -> Task:
    return Task(task.contestant, task.films, task.warm, task.model, folder, task.prove)


def _memory_mib(plan: Plan, name: str) -> float:
    with own_folder() as folder:
        sampler = pss.Sampler(folder)
        try:
            result = run(plan.task(name, report.STREAMS, folder), started=sampler.start)
        finally:
            sampler.stop()
        steady_mib = sampler.steady_mib(result.began_s, result.ended_s)
    console.print(f"memory  {name}: {steady_mib:.0f} MiB for {report.STREAMS} streams", highlight=False)
    return steady_mib


def _live(plan: Plan, name: str, found: Findings) -> list[live.Try]:
    trial = live.Trial(f"live_{name}", plan.film, plan.warm, plan.model, plan.live_s)

    def attempt(streams: int) -> live.Try:
        tried = trial(streams)
        verdict = "holds" if tried.holds else tried.error or "falls behind"
        console.print(f"live    {name}: {streams} cameras, lag {tried.lag_s:.2f} s, {verdict}", highlight=False)
        return tried

    fps = report.middle(found, "process")
    guess = report.STREAMS if math.isnan(fps) else int(0.8 * fps / FPS)
    return live.most(attempt, guess, plan.live_limit if name == "process" else 4 * plan.live_limit)


if __name__ == "__main__":
    sys.exit(main())
