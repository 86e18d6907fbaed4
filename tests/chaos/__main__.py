"""`make chaos`: strike a served fleet for some minutes, then look whether everything holds."""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.chaos import checks
from tests.chaos.faults import KINDS, Kind
from tests.chaos.processes import descendants, pss_mib
from tests.chaos.world import World, gone, until

START_S = 180


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault: when, and how long it was until everybody flowed again (None: not in time)."""

    at_s: float
    kind: str
    what: str
    recovered_s: float | None


def main() -> int:
    """Run, report, return 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds of faults, comma-separated; all by default")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--report", type=Path, help="write the report here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    kinds = [kind for kind in KINDS if not arguments.only or kind.name in arguments.only.split(",")]
    world = World(folder, 60 * arguments.minutes)
    try:
        report = _run(world, kinds, 60 * arguments.minutes, random.Random(arguments.seed))
    finally:
        world.close()
    text = json.dumps(report | {"seed": arguments.seed, "minutes": arguments.minutes}, indent=2)
    if arguments.report:
        arguments.report.write_text(text + "\n")
    print(text)
    return 1 if report["failures"] else 0


def _run(world: World, kinds: list[Kind], seconds: float, chance: random.Random) -> dict[str, object]:
    failures: list[str] = []
    if not until(lambda: world.flowing({}, world.names()), START_S):
        failures.append(f"the fleet did not start within {START_S} s: {world.infos()}")
    began_s, memory = time.monotonic(), [pss_mib(descendants(world.serve.pid))]
    struck: list[Struck] = []
    while not failures and time.monotonic() - began_s < seconds:
        kind = _next(kinds, struck, chance)
        one = _strike(world, kind, began_s, chance)
        print(f"{one.at_s:6.0f} s  {one.kind}: {one.what}; {_told(one, kind)}", file=sys.stderr, flush=True)
        struck.append(one)
        memory.append(pss_mib(descendants(world.serve.pid)))
    family = sorted(descendants(world.serve.pid))
    until(
        lambda: all(info.state == "ended" for name, info in world.infos().items() if name in world.recordings), seconds
    )
    if not world.stop():
        failures.append("longtake serve did not stop in order")
    if not gone(family, 30):
        failures.append("processes outlived longtake serve")
    failures += [
        f"{one.kind} at {one.at_s:.0f} s: not everybody flowed again" for one in struck if one.recovered_s is None
    ]
    failures += checks.failures(world)
    return {
        "faults": len(struck),
        "kinds": dict(Counter(one.kind for one in struck)),
        "slowest_recovery_s": {kind.name: _slowest(struck, kind) for kind in kinds},
        "memory_mib": [round(mib) for mib in memory],
        "failures": failures,
        "struck": [asdict(one) for one in struck],
    }


def _next(kinds: list[Kind], struck: list[Struck], chance: random.Random) -> Kind:
    """The rarest kind so far, so that each comes about as often."""
    counts = Counter(one.kind for one in struck)
    fewest = min(counts[kind.name] for kind in kinds)
    return chance.choice([kind for kind in kinds if counts[kind.name] == fewest])


def _strike(world: World, kind: Kind, began_s: float, chance: random.Random) -> Struck:
    at_s = time.monotonic() - began_s
    what = kind.strike(world, chance)
    done_s = time.monotonic()
    since = {name: info.until_s for name, info in world.infos().items()}
    well = until(lambda: world.flowing(since, world.names()), kind.within_s)
    return Struck(round(at_s, 1), kind.name, what, round(time.monotonic() - done_s, 1) if well else None)


def _slowest(struck: list[Struck], kind: Kind) -> float:
    return max((one.recovered_s or 0.0 for one in struck if one.kind == kind.name), default=0.0)


def _told(one: Struck, kind: Kind) -> str:
    return f"not well after {kind.within_s} s" if one.recovered_s is None else f"well after {one.recovered_s} s"


if __name__ == "__main__":
    sys.exit(main())
