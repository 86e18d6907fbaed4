"""What a campaign found: a page for people, a document for machines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos import paper
from tests.fuzz.campaign import Case

MOST_MIB = 1024  # of a worker; its limit of pixels is below 8K's
SLOWEST = 10


def failures(cases: Sequence[Case], wanted: int) -> list[str]:
    """What does not hold, as sentences."""
    found = [sentence for case in cases for sentence in case.failures]
    found += [f"video {case.number} took {case.peak_mib} MiB here" for case in cases if case.peak_mib > MOST_MIB]
    differing = [str(case.number) for case in cases if case.differs]
    if differing:
        found.append(f"{len(differing)} videos have other answers apart than here: {', '.join(differing[:20])}")
    return found + ([f"only {len(cases)} of {wanted} videos were read"] if len(cases) < wanted else [])


def write(cases: Sequence[Case], seed: int, wanted: int, took_s: float, page: Path) -> list[str]:
    """Write the page and the document beside it; return what does not hold."""
    failed = failures(cases, wanted)
    parts = [
        paper.verdict(failed),
        f"{len(cases)} mutated videos, seed {seed}, {took_s / 60:.0f} minutes. Each was read twice by a whole reader: "
        "in the process of the campaign with its decoder apart, and in a worker process without; what is done to them "
        "and what is looked at: [decoder-border.md](../decoder-border.md).",
        "## What came of them, decoder apart",
        _endings(cases),
        "## Processes that died",
        _deaths(cases),
        "## The slowest, decoder apart",
        _slowest(cases),
    ]
    paper.write(page, f"Fuzz, {len(cases)} videos", _document(cases, seed, took_s, failed), parts)
    return failed


def _endings(cases: Sequence[Case]) -> str:
    endings = sorted({case.apart.ending for case in cases})
    by = Counter((mutation, case.apart.ending) for case in cases for mutation in case.mutations[:1])
    rows = [
        (mutation, *(by[mutation, ending] for ending in endings))
        for mutation in sorted({case.mutations[0] for case in cases})
    ]
    total = Counter(case.apart.ending for case in cases)
    rows.append(("**all**", *(total[ending] for ending in endings)))
    same = sum(not case.differs for case in cases)
    frames = sum(case.apart.frames for case in cases)
    peak = max((case.peak_mib for case in cases), default=0)
    told = (
        f"{frames} frames were decoded. Clips, gaps and errors were the same in both ways for {same} videos "
        f"(those that met a limit excepted). A worker held at most {peak} MiB."
    )
    return f"{told}\n\n{paper.table(('mutation', *endings), rows)}"


def _deaths(cases: Sequence[Case]) -> str:
    apart = Counter(case.apart.sentence.rpartition(" ")[2] for case in cases if case.apart.ending == "SourceCrashed")
    here = sum(case.here.ending == "died" for case in cases)
    told = ", ".join(f"{count} {how}" for how, count in sorted(apart.items())) or "none"
    return (
        f"Decoders apart: {told}; each cost its own video, and the process that read it went on.\n\n"
        f"Workers that decoded by themselves: {here}; such a death would have been that of every stream of a host."
    )


def _slowest(cases: Sequence[Case]) -> str:
    slowest = sorted(cases, key=lambda case: -case.apart.took_s)[:SLOWEST]
    rows = [
        (case.number, case.film, ", ".join(case.mutations), case.apart.ending, case.apart.frames, case.apart.took_s)
        for case in slowest
    ]
    return paper.table(("video", "film", "mutations", "ending", "frames", "s"), rows)


def _document(cases: Sequence[Case], seed: int, took_s: float, failed: list[str]) -> dict[str, Any]:
    odd = [case for case in cases if case.differs or case.failures or case.apart.ending in ("SourceCrashed", "stopped")]
    return {
        "videos": len(cases),
        "seed": seed,
        "took_s": round(took_s),
        "failures": failed,
        "apart": Counter(case.apart.ending for case in cases),
        "here": Counter(case.here.ending for case in cases),
        "by_mutation": {
            mutation: Counter(case.apart.ending for case in cases if case.mutations[0] == mutation)
            for mutation in sorted({case.mutations[0] for case in cases})
        },
        "peak_mib": max((case.peak_mib for case in cases), default=0),
        "frames": sum(case.apart.frames for case in cases),
        "odd": [asdict(case) for case in odd],
    }
