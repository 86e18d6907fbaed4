"""`longtake synth`: film a synthetic scene."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.output import messages
from longtake.wording import counted
from pipeline.errors import LongtakeError, UsageError


def synth(
    out: Annotated[Path, typer.Argument(help="Video to write; its exact timeline goes to the same name with .json.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal films.")] = 7,
    duration: Annotated[float, typer.Option(help="Seconds.")] = 60.0,
    people: Annotated[int, typer.Option(help="How many people come and go.")] = 1,
) -> None:
    """Film people doing things in front of a fixed camera, with the exact truth of what they did."""
    beside = film(out, seed, duration, people)
    messages.print(f"filmed {out}; its timeline is {beside}", highlight=False, soft_wrap=True)


def film(out: Path, seed: int, duration_s: float, people: int) -> Path:
    """Write the film and its timeline; returns the path of the timeline.

    Raises:
        UsageError: a number is out of range.
        LongtakeError: the files cannot be written.
    """
    from pipeline.synthetic import FPS, SIZE, SceneSpec, write_video  # loads FFmpeg and OpenCV

    try:
        spec = SceneSpec(seed=seed, duration_s=duration_s, people=people)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if out.suffix.lower() not in (".mp4", ".mkv", ".mov"):
        raise UsageError(f"{out} should end in .mp4, .mkv or .mov")
    what = f"filming {duration_s:g} s of {counted(people, 'person', 'people')} (seed {seed})"
    if not messages.is_terminal:
        messages.print(what)
    try:
        with messages.status(what):
            return write_video(out, spec, FPS, SIZE)
    except OSError as error:
        raise LongtakeError(f"{out} cannot be written: {error.strerror or error}") from None
