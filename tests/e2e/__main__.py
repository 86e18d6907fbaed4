"""`make e2e`: build the images, run docker-compose.yml with its demo, break things, look whether everything holds."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from tests.chaos import checks
from tests.chaos.parts import ROOT, until
from tests.e2e import cost, rebuilt, report, secrecy
from tests.e2e.engine import Engine, Refused
from tests.e2e.faults import FAULTS, Fault
from tests.e2e.report import Findings, Struck
from tests.e2e.world import NODES, World

FIRST_SEGMENT_S, ALL_FLOW_S, REST_S, QUIET_S, SCRAPED_S = 120, 240, 30, 60, 60
CHECKS: tuple[Callable[[World], Iterator[str]], ...] = (
    secrecy.no_secret_shows,
    secrecy.no_port_is_open_to_others,
    secrecy.strangers_are_refused,
)


def main() -> int:
    """Run, report, return 1 where something does not hold."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="e2e-"))
    engine = Engine.found(arguments.build_args)
    found = Findings(engine.name, over=[path.name for path in arguments.over])
    world = World(engine, folder, 60 * arguments.minutes, arguments.over)
    faults = [fault for fault in FAULTS if not arguments.only or fault.name in arguments.only.split(",")]
    try:
        Run(world, found).run(faults, arguments.built)
    except (Refused, StoreError) as error:
        found.failures.append(f"cut short: {error}")
    finally:
        world.close()
    report.write(found, arguments.report)
    print(*found.failures or ["everything holds"], f"{arguments.report}; {folder}", sep="\n")
    if not found.failures and arguments.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return bool(found.failures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__)
    parser.add_argument("--minutes", type=float, default=8, help="length of the longest recording")
    parser.add_argument("--only", default="", help="faults, comma-separated; all by default")
    parser.add_argument("--built", action="store_true", help="the images are there: build nothing")
    parser.add_argument("--build-args", default="--network host", help="added to podman's builds")
    parser.add_argument("--over", type=Path, action="append", default=[], help="another compose file, laid over")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/e2e.md")
    return parser.parse_args()


class Run:
    """One run: build, start, strike, come to rest, look."""

    def __init__(self, world: World, found: Findings) -> None:
        self._world = world
        self._found = found

    def run(self, faults: list[Fault], built: bool) -> None:
        """Fill the findings."""
        self._found.left_out = self._world.project.left_out
        if not built:
            self._world.project.prepare()
            self._found.rebuild_s = rebuilt.seconds(self._world)
        self._found.images_mib = cost.image_mib(self._world.project)
        if not self._start():
            return
        for fault in faults:
            self._strike(fault)
        self._look_at_prometheus()
        for check in CHECKS:
            self._note(check.__name__, list(check(self._world)))
        self._come_to_rest()
        for one in checks.CHECKS:
            failures, told = checks.made(one, self._world)  # type: ignore[arg-type]  # it looks at what both have
            self._found.failures += failures
            self._found.figures[one.__name__.replace("_", " ")] = told

    def _start(self) -> bool:
        world, began_s = self._world, time.monotonic()
        world.project.up()
        until(lambda: world.segments() > 0, 2 * FIRST_SEGMENT_S)
        self._found.first_segment_s = round(time.monotonic() - began_s, 1)
        self._tell(f"first segment {self._found.first_segment_s} s after up")
        if self._found.first_segment_s > FIRST_SEGMENT_S:
            self._found.failures.append(f"no segment within {FIRST_SEGMENT_S} s")
        well = until(lambda: world.flowing({}), ALL_FLOW_S)
        self._found.all_flow_s = round(time.monotonic() - began_s, 1)
        if not well:
            self._found.failures.append(f"not every stream flows: {world.infos()}")
        return well

    def _strike(self, fault: Fault) -> None:
        what, done_s = fault.strike(self._world), time.monotonic()
        whole = until(self._world.whole, fault.within_s)
        since = {name: info.until_s for name, info in self._world.infos().items()}
        well = whole and until(lambda: self._world.flowing(since), fault.within_s)
        recovered_s = round(time.monotonic() - done_s, 1) if well else None
        self._found.struck.append(Struck(fault.name, what, fault.within_s, recovered_s))
        self._tell(f"{fault.name}: {what}; " + (f"well after {recovered_s} s" if well else "not well"))
        if not well:
            states = {name: (info.state, info.error) for name, info in self._world.infos().items()}
            wrong = "not everybody flowed" if whole else "the cluster was not whole"
            self._found.failures.append(f"{fault.name}: {wrong} within {fault.within_s:g} s: {states}")

    def _look_at_prometheus(self) -> None:
        """Every node is a target, and all are up; no series tells a secret or a URL."""
        world = self._world
        nodes = sum(len(world.project.containers(service)) for service in NODES)
        good = until(lambda: _up(world) == (nodes + 1, nodes + 1), SCRAPED_S)
        known, up = _up(world)
        self._note("every node is scraped", [] if good else [f"{nodes} nodes and itself, {known} targets, {up} up"])
        series = world.prometheus('/api/v1/series?match[]={job="longtake"}') or []
        values = {value for one in series for value in one.values()}
        secret = [value for value in sorted(values) if "://" in value or value in world.secrets.values()]
        self._note("no series tells a URL or a secret", secret if series else ["there are no series"])
        self._found.series = len(series)

    def _come_to_rest(self) -> None:
        world, found = self._world, self._found
        if not until(world.recordings_ended, ALL_FLOW_S):
            found.failures.append("not every recording ended")
        if not world.pause(QUIET_S):
            found.failures.append(f"the cameras were not let go within {QUIET_S} s")
        found.rest = cost.at_rest(world.project, REST_S)

    def _note(self, what: str, failures: list[str]) -> None:
        self._found.failures += failures
        self._found.figures[what.replace("_", " ")] = f"{len(failures)} wrong"
        self._tell(f"{what.replace('_', ' ')}: {failures or 'holds'}")

    @staticmethod
    def _tell(what: str) -> None:
        print(what, file=sys.stderr, flush=True)


def _up(world: World) -> tuple[int, int]:
    """How many targets Prometheus has, and how many of them answered last."""
    targets: list[Any] = (world.prometheus("/api/v1/targets") or {}).get("activeTargets", [])
    return len(targets), sum(target["health"] == "up" for target in targets)


if __name__ == "__main__":
    sys.exit(main())
