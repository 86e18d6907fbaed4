"""`longtake demo`: from nothing to a timeline in one command."""

from typing import Annotated

import typer

from longtake import query
from longtake.config import Config
from longtake.home import home
from longtake.output import messages
from longtake.run import Engine, Options, execute, jobs_of, tell
from longtake.synth import film
from pipeline.models.card import DEFAULT_MODEL, resolve

SEED = 5
DURATION_S = 60.0


def demo(
    source: Annotated[str | None, typer.Argument(help="Your own video instead of a synthetic one.")] = None,
) -> None:
    """Film a synthetic scene (or take your video), run it through Ray and Redis, show its timeline."""
    jobs = jobs_of([source or _filmed()], None, "0")
    options = Options(resolve(DEFAULT_MODEL), Engine.RAY, None, Config())
    outcomes = execute(jobs, options, fresh=True)
    tell(outcomes)
    for _, timeline in outcomes:
        if timeline is not None and timeline.duration:
            query.draw(timeline)
            messages.print(
                f"\nask again:  longtake timeline {timeline.stream} --since 10 --label walk", highlight=False
            )
    messages.print(f"the data:   {home()}   (set LONGTAKE_HOME to keep them elsewhere)", highlight=False)
    raise typer.Exit(max(report.exit_code for report, _ in outcomes))


def _filmed() -> str:
    out = home() / "demo" / "demo.mp4"
    out.parent.mkdir(parents=True, exist_ok=True)
    film(out, SEED, DURATION_S, people=1)
    return str(out)
