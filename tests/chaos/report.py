"""What a chaos run found, as a document for machines and a page for people."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import paper
from tests.chaos.agreement import Agreement
from tests.chaos.faults import Kind
from tests.chaos.memory import Course
from tests.chaos.plan import Struck
from tests.chaos.references import References


@dataclass(slots=True)
class Findings:
    """Everything a run has found.

    Attributes:
        figures: what the checks looked at, by check.
        failures: what does not hold, as sentences.
    """

    minutes: float
    seed: int
    kinds: Sequence[Kind]
    struck: list[Struck] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    agreements: list[Agreement] = field(default_factory=list)
    busy: References | None = None
    quiet: References | None = None
    memory: Course | None = None
    memory_mib: list[int] = field(default_factory=list)


def write(found: Findings, page: Path) -> None:
    """Write the page and the document beside it."""
    parts = [
        paper.verdict(found.failures),
        f"{len(found.struck)} faults in {found.minutes:g} minutes, seed {found.seed}; "
        "what is struck and what is looked at: [chaos.md](../chaos.md).",
        "## Faults",
        _faults(found),
        "## Checks",
        paper.table(("check", "figures"), found.figures.items()),
        "## Metrics against timelines",
        _agreements(found),
        "## Memory",
        _memory(found),
    ]
    paper.write(page, f"Chaos, {found.minutes:g} minutes", document(found), parts)


def document(found: Findings) -> dict[str, Any]:
    """Everything, as plain values."""
    return {
        "minutes": found.minutes,
        "seed": found.seed,
        "faults": len(found.struck),
        "failures": found.failures,
        "kinds": {kind.name: _kind(found, kind) for kind in found.kinds},
        "figures": found.figures,
        "metrics": [asdict(one) for one in found.agreements],
        "references": {name: one and asdict(one) for name, one in (("busy", found.busy), ("quiet", found.quiet))},
        "memory": found.memory and asdict(found.memory) | {"growth": found.memory.growth},
        "memory_mib": found.memory_mib,
        "struck": [asdict(one) for one in found.struck],
    }


def _kind(found: Findings, kind: Kind) -> dict[str, float | None]:
    own = [one for one in found.struck if one.kind == kind.name]
    times = [one.recovered_s for one in own if one.recovered_s is not None]
    return {
        "faults": len(own),
        "recovered": len(times),
        "median_s": round(statistics.median(times), 1) if times else None,
        "slowest_s": max(times, default=None),
        "allowed_s": kind.within_s,
    }


def _faults(found: Findings) -> str:
    head = ("kind", "faults", "recovered", "median s", "slowest s", "allowed s")
    figures = [(kind.name, _kind(found, kind).values()) for kind in found.kinds]
    rows = [(name, *("–" if one is None else one for one in own)) for name, own in figures]
    told = "Recovered is the time from the end of the fault until every one of the 14 streams has new answers."
    return f"{told}\n\n{paper.table(head, rows)}"


def _agreements(found: Findings) -> str:
    head = ("what", "in the store", "counted", "excused")
    rows = [(one.what, f"{one.stored:.10g}", f"{one.counted:.10g}", f"{one.excused:.10g}") for one in found.agreements]
    told = "Excused is what was committed while a process that counts was killed, or where nobody saw its count."
    return f"{told}\n\n{paper.table(head, rows)}"


def _memory(found: Findings) -> str:
    if found.memory is None:
        return "Not measured."
    rows = [
        (name, f"{first:.0f}", f"{last:.0f}")
        for name, (first, last) in sorted(found.memory.programs.items())
        if max(first, last) >= 1
    ]
    rows.append(("**all**", f"{found.memory.first_mib:.0f}", f"{found.memory.last_mib:.0f}"))
    told = f"Medians of the first and the last third of the samples, one after each fault: {found.memory.growth:+.1%}."
    return f"{told}\n\n{paper.table(('program', 'MiB first', 'MiB last'), rows)}"
