"""`longtake demo`: from nothing to a timeline in one command."""

import sys
from typing import Annotated

import typer

from longtake import query
from longtake.config import Config
from longtake.output import messages
from longtake.run import Engine, Options, execute, jobs_of, tell
from longtake.synth import film
from longtake.terminal import as_bound
from pipeline.home import home
from pipeline.models.card import DEFAULT_MODEL, resolve
from pipeline.values import Timeline

SEED = 5
DURATION_S = 60.0


def demo(
    source: Annotated[str | None, typer.Argument(help="Your own video instead of a synthetic one.")] = None,
) -> None:
    """Film a synthetic scene (or take your video), run it through Ray and Redis, show its timeline."""
    jobs = jobs_of([source or _filmed()], None, "0")
    options = Options(resolve(DEFAULT_MODEL), Engine.RAY, None, Config())
    if not messages.is_terminal:
        _say("starting Ray and the model workers")
    outcomes = execute(jobs, options, fresh=True)
    tell(outcomes)
    for _, timeline in outcomes:
        if timeline is not None and timeline.duration:
            query.draw(timeline)
            _say(f"\nask again:  longtake timeline {timeline.stream}{narrower(timeline)}")
    _say(f"the data:   {home()}   (elsewhere: LONGTAKE_HOME)")
    _say("the page:   longtake web --open")
    if messages.is_terminal and sys.stdin.isatty() and typer.confirm("open the page now?", err=True):
        from longtake.web import web  # loads FastAPI

        web(show=True)
    raise typer.Exit(max(report.exit_code for report, _ in outcomes))


def narrower(timeline: Timeline) -> str:
    """Options that ask for something there is: from the middle segment on, its label."""
    if not timeline.segments:
        return ""
    middle = timeline.segments[len(timeline.segments) // 2]
    return f" --since {as_bound(middle.start)} --label {middle.label}"


def _say(sentence: str) -> None:
    messages.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _filmed() -> str:
    out = home() / "demo" / "demo.mp4"
    out.parent.mkdir(parents=True, exist_ok=True)
    film(out, SEED, DURATION_S, people=1)
    return str(out)
