"""`make chaos`: strike a served fleet for some minutes, then look whether everything holds."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.pss import Sample, measure
from tests.chaos import checks, report
from tests.chaos.agreement import agreements, moments
from tests.chaos.faults import KINDS, Kind, NothingToStrike
from tests.chaos.memory import Course
from tests.chaos.parts import ROOT, gone, until
from tests.chaos.plan import Struck, next_kind, unmet
from tests.chaos.processes import descendants
from tests.chaos.references import References, held
from tests.chaos.report import Findings
from tests.chaos.world import World

START_S, QUIET_S = 180, 60
GROWTH = 0.05
"""Part by which memory may grow; processes come and go here, so what `make soak` holds to 3 % is less sharp."""


def main() -> int:
    """Run, report, return 1 where something does not hold."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    kinds = [kind for kind in KINDS if not arguments.only or kind.name in arguments.only.split(",")]
    found = Findings(arguments.minutes, arguments.seed, kinds)
    world = World(folder, 60 * arguments.minutes)
    try:
        Run(world, found).run()
    finally:
        world.close()
    found.failures += unmet(kinds, found.struck, arguments.faults, arguments.each)
    report.write(found, arguments.report)
    if found.failures:
        print(*found.failures, f"what is left to look at: {folder}", sep="\n")
        return 1
    print(f"everything holds after {len(found.struck)} faults; {arguments.report}")
    if arguments.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=0, help="fewer than these are a failure")
    parser.add_argument("--each", type=int, default=0, help="fewer than these of any kind are a failure")
    parser.add_argument("--only", default="", help="kinds of faults, comma-separated; all by default")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/chaos.md")
    return parser.parse_args()


class Run:
    """One run: strike, let the fleet come to rest, look."""

    def __init__(self, world: World, found: Findings) -> None:
        self._world = world
        self._found = found
        self._chance = random.Random(found.seed)
        self._samples: list[Sample] = []
        self._kills: list[tuple[float, float]] = []
        self._killed = 0  # lanes, at most
        self._began_s = 0.0

    def run(self) -> None:
        """Fill the findings."""
        if not until(lambda: self._world.flowing({}, self._world.names()), START_S):
            self._found.failures.append(f"the fleet did not start within {START_S} s: {self._world.infos()}")
            return
        self._began_s = time.monotonic()
        self._sample()
        while time.monotonic() - self._began_s < 60 * self._found.minutes:
            self._strike(next_kind(self._found.kinds, self._found.struck, self._chance))
        self._come_to_rest()
        self._look_at_memory()
        self._stop()
        for check in checks.CHECKS:
            failures, told = checks.made(check, self._world)
            self._found.failures += failures
            self._found.figures[check.__name__.replace("_", " ")] = told

    def _strike(self, kind: Kind) -> None:
        at_s, at_wall_s = time.monotonic(), time.time()
        try:
            what = kind.strike(self._world, self._chance)
        except NothingToStrike as error:
            self._found.failures.append(f"{kind.name}: {error}")
            return
        if kind.kills:
            self._kills.append((at_wall_s, time.time()))
            self._killed += kind.kills
        done_s = time.monotonic()
        since = {name: info.until_s for name, info in self._world.infos().items()}
        well = until(lambda: self._world.flowing(since, self._world.names()), kind.within_s)
        recovered_s = round(time.monotonic() - done_s, 1) if well else None
        one = Struck(round(at_s - self._began_s, 1), kind.name, what, round(done_s - at_s, 1), recovered_s)
        self._found.struck.append(one)
        told = f"well after {recovered_s} s" if well else f"not everybody flowed again within {kind.within_s} s"
        print(f"{one.at_s:6.0f} s  {one.kind}: {one.what}; {told}", file=sys.stderr, flush=True)
        if not well:
            self._found.failures.append(f"{one.kind} at {one.at_s:.0f} s: {told}")
        self._sample()

    def _sample(self) -> None:
        self._samples.append(measure(self._world.served.pid, str(self._world.folder)))
        self._found.memory_mib.append(round(self._samples[-1].mib))

    def _come_to_rest(self) -> None:
        """Recordings end, cameras are paused; what was counted and what is referred to is looked at before the end."""
        world, found = self._world, self._found
        found.busy = self._held()
        if not until(world.recordings_ended, 60 * found.minutes):
            found.failures.append("not every recording ended")
        if not world.served.let_go(sorted(world.cameras), QUIET_S):
            found.failures.append(f"the cameras were not let go within {QUIET_S} s")
        if not world.counters.look():
            found.failures.append("the metrics endpoint does not answer at the end")
        lost = moments(world, self._kills)
        found.agreements = agreements(world, lost, self._killed)
        found.failures += [sentence for one in found.agreements for sentence in one.wrong]
        found.failures += world.counters.ill
        found.figures["metrics agree with timelines"] = f"{world.counters.looks} looks, {world.counters.lives} lives"
        found.quiet = self._held()
        if found.busy is not None and found.quiet is not None:
            found.failures += checks.leaked(found.quiet)
            found.figures["no object reference leaked"] = checks.references_told(found.busy, found.quiet)

    def _held(self) -> References | None:
        try:
            return held(self._world.served)
        except RuntimeError as error:
            self._found.failures.append(str(error))
            return None

    def _look_at_memory(self) -> None:
        self._found.memory = course = Course.of(self._samples, 1 / 3)
        self._found.figures["memory is flat"] = f"{course.growth:+.1%} (at most {GROWTH:.0%})"
        if course.growth > GROWTH:
            self._found.failures.append(f"memory grew from {course.first_mib:.0f} to {course.last_mib:.0f} MiB")

    def _stop(self) -> None:
        family = sorted(descendants(self._world.served.pid))
        if not self._world.served.stop():
            self._found.failures.append("longtake serve did not stop in order")
        if not gone(family, 30):
            self._found.failures.append("processes outlived longtake serve")
        self._found.figures["nobody is left"] = f"{len(family)} processes ended with longtake serve"


if __name__ == "__main__":
    sys.exit(main())
