"""Does memory stay flat? `python -m bench.memory`: half an hour of video through one Ray engine, as fast as it goes.

Two streams read the film over and over as one long file each, so every actor lives from the first clip to the last.
Growth is the median of the last fifth of the samples against the first fifth after warm-up; it must stay below 3 %.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench import film
from bench.pss import Sample, Sampler
from bench.task import Task, median, own_folder, run
from pipeline.models.card import DEFAULT_MODEL, resolve

STREAMS, FILM_S, LIMIT, WARM_UP = 2, 60, 0.03, 0.2
REPORT = Path(__file__).parent / "latest-memory.json"
console = Console()


def main() -> int:
    """Run, print, write; 1 where memory grew."""
    parser = argparse.ArgumentParser(prog="bench.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of video, all streams together")
    parser.add_argument("--engine", choices=("ray", "inline"), default="ray")
    arguments = parser.parse_args()
    passes = max(1, round(60 * arguments.minutes / FILM_S / STREAMS))
    samples = watch(arguments.engine, film.looped(film.make(FILM_S), passes))
    document = growth(samples) | {"minutes": passes * STREAMS * FILM_S / 60, "engine": arguments.engine}
    REPORT.write_text(json.dumps(document, indent=2) + "\n")
    show(document)
    return 0 if document["growth"] < LIMIT else 1


def watch(engine: str, long: Path) -> list[Sample]:
    """Run the engine over the long film and return the samples taken while it ran."""
    with own_folder() as folder:
        sampler = Sampler(folder)
        task = Task(engine, (str(long),) * STREAMS, str(film.make(film.WARM_S)), str(resolve(DEFAULT_MODEL)), folder)
        try:
            result = run(task, started=sampler.start)
        finally:
            sampler.stop()
    console.print(f"{result.frames} frames at {result.fps:.0f} frames/s, {result.clips} clips", highlight=False)
    return [sample for sample in sampler.samples if result.began_s <= sample.at_s <= result.ended_s]


def growth(samples: list[Sample]) -> dict[str, Any]:
    """First fifth after warm-up against last fifth, in all and by program, and the slope between them.

    Raises:
        ValueError: fewer than ten samples are left after warm-up.
    """
    warm = samples[int(len(samples) * WARM_UP) :]
    if len(warm) < 10:
        raise ValueError(f"{len(samples)} samples are too few to tell; give more --minutes")
    fifth = max(1, len(warm) // 5)
    first, last = warm[:fifth], warm[-fifth:]
    programs = sorted({name for sample in warm for name in sample.by_program})
    slope = np.polyfit([sample.at_s for sample in warm], [sample.mib for sample in warm], 1)[0]
    return {
        "growth": _middle(last) / _middle(first) - 1,
        "first_mib": _middle(first),
        "last_mib": _middle(last),
        "slope_mib_per_minute": 60 * float(slope),
        "programs": {name: [_middle(first, name), _middle(last, name)] for name in programs},
        "samples": [[round(sample.at_s - samples[0].at_s, 1), round(sample.mib, 1)] for sample in samples],
    }


def show(document: dict[str, Any]) -> None:
    """Print who grew and by how much."""
    for name, (first, last) in document["programs"].items():
        console.print(f"{name:24} {first:8.1f} → {last:8.1f} MiB", highlight=False)
    console.print(
        f"{'all processes':24} {document['first_mib']:8.1f} → {document['last_mib']:8.1f} MiB over "
        f"{document['minutes']:.0f} minutes of video: {document['growth']:+.2%} (limit {LIMIT:.0%})",
        highlight=False,
    )


def _middle(samples: list[Sample], program: str | None = None) -> float:
    return median([sample.mib if program is None else sample.by_program.get(program, 0.0) for sample in samples])


if __name__ == "__main__":
    sys.exit(main())
