"""What a run of the containers found, as a document for machines and a page for people."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos import paper
from tests.e2e.cost import CONTROL, Cost


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault, and how long it took until every stream had new answers; None where that did not happen."""

    name: str
    what: str
    within_s: float
    recovered_s: float | None


@dataclass(slots=True)
class Findings:
    """Everything a run has found.

    Attributes:
        left_out: services whose image cannot be had.
        over: compose files laid over the project's.
        rebuild_s: how long `decode` took to be built after a change of one line.
        rest: cost of each service while no stream runs.
        figures: what was looked at, by check.
        failures: what does not hold, as sentences.
    """

    engine: str
    left_out: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    images_mib: dict[str, float] = field(default_factory=dict)
    rebuild_s: float | None = None
    first_segment_s: float | None = None
    all_flow_s: float | None = None
    struck: list[Struck] = field(default_factory=list)
    rest: dict[str, Cost] = field(default_factory=dict)
    series: int = 0
    figures: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def write(found: Findings, page: Path) -> None:
    """Write the page and the document beside it."""
    parts = [
        paper.verdict(found.failures),
        f"`docker-compose.yml` {_laid_over(found)}, with its demo and two recordings beside the four cameras, run by "
        f"{found.engine}. {_left_out(found)}",
        "## Start",
        f"First segment {found.first_segment_s} s after `up` of fresh containers; all streams flowed after "
        f"{found.all_flow_s} s. Built again after a change of one line: {found.rebuild_s} s.",
        "## Faults",
        "Recovered is the time until the cluster is whole again and, after that, every stream has new answers.",
        paper.table(
            ("fault", "what", "recovered s", "allowed s"),
            [(one.name, one.what, one.recovered_s or "not", f"{one.within_s:g}") for one in found.struck],
        ),
        "## Checks",
        paper.table(("check", "figures"), found.figures.items()),
        "## Cost at rest",
        f"All cameras paused, {found.series} series scraped every 5 s. {_control(found.rest)}",
        paper.table(
            ("service", "PSS MiB", "% of a core"),
            [(name, f"{one.mib:.0f}", f"{one.percent:.1f}") for name, one in sorted(found.rest.items())],
        ),
        "## Images",
        paper.table(("image", "MiB"), [(name, f"{mib:.0f}") for name, mib in found.images_mib.items()]),
    ]
    paper.write(page, "Containers, end to end", asdict(found), parts)


def _laid_over(found: Findings) -> str:
    return f"with {', '.join(found.over)} laid over it" if found.over else "as it stands"


def _left_out(found: Findings) -> str:
    if not found.left_out:
        return "Nothing was left out."
    names = ", ".join(found.left_out)
    return f"**Left out, because the image cannot be pulled there: {names}.** Redis and Prometheus were Debian's."


def _control(rest: dict[str, Cost]) -> str:
    mib = sum(rest[name].mib for name in CONTROL if name in rest)
    percent = sum(rest[name].percent for name in CONTROL if name in rest)
    return f"The control plane ({', '.join(CONTROL)}) takes {mib:.0f} MiB and {percent:.1f} % of a core."
