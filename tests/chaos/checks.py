"""What must hold when the chaos is over."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import LongtakeError
from pipeline.timeline import document
from pipeline.values import Gap, Scores
from tests.chaos.parts import ROOT
from tests.chaos.references import References
from tests.chaos.world import World

TOUCH_S = 1e-6


def recordings_are_as_undisturbed(world: World) -> Iterator[str]:
    """Byte for byte the timeline of a run that nothing happened to."""
    home = world.folder / "undisturbed"
    for name, film in world.recordings.items():
        if world.infos()[name].state != "ended":
            yield f"{name} has not ended: {world.infos()[name]}"
            continue
        expected = _longtake("run", str(film), "--name", name, "--format", "json", home=home, then=name)
        if document.to_json(world.served.store.timeline(name)) != expected:
            yield f"{name} differs from its undisturbed run"


def live_streams_replay(world: World) -> Iterator[str]:
    """Byte for byte the timeline that the lane log gives again."""
    for name in world.cameras:
        code, out, said = _ask("replay", str(world.log / name), "--format", "json", home=world.folder / "replay")
        if code or out != document.to_json(world.served.store.timeline(name)):
            (world.folder / f"{name}.replayed.json").write_text(out)
            yield f"{name} differs from its replay (exit {code}): {said[-300:]}"


def answers_and_gaps_tile(world: World) -> Iterator[str]:
    """No moment is without an answer or a reason, none has two."""
    for name in sorted(world.names()):
        timeline, scores = world.served.store.timeline(name), world.served.store.scores(name)
        spans = sorted([_span(one) for one in scores] + [_span(one) for one in timeline.gaps])
        for (_, before), (after, _) in itertools.pairwise(spans):
            if abs(after - before) > TOUCH_S:
                yield f"{name}: {before:.3f} to {after:.3f} is {'untold' if after > before else 'told twice'}"


def segments_do_not_overlap(world: World) -> Iterator[str]:
    """A label holds once at a time, and no segment is there twice."""
    for name in sorted(world.names()):
        segments = world.served.store.timeline(name).segments
        if len({segment.id for segment in segments}) != len(segments):
            yield f"{name}: a segment is there twice"
        for label in {segment.label for segment in segments}:
            own = sorted((s.start, s.end or float("inf")) for s in segments if s.label == label)
            if any(first[1] > second[0] + TOUCH_S for first, second in itertools.pairwise(own)):
                yield f"{name}: {label} overlaps itself"


Check = Callable[[World], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    recordings_are_as_undisturbed,
    live_streams_replay,
    answers_and_gaps_tile,
    segments_do_not_overlap,
)


def made(check: Check, world: World) -> tuple[list[str], str]:
    """Return what a check finds wrong, and what it looked at."""
    try:
        wrong = list(check(world))
    except (LongtakeError, KeyError) as error:
        wrong = [f"{check.__name__}: {type(error).__name__}: {error}"]
    return wrong, f"{_LOOKED_AT[check.__name__](world)}: {len(wrong)} wrong"


def _answers(world: World) -> str:
    return f"{sum(world.served.answered(sorted(world.names())).values())} answers of {len(world.names())} streams"


def _segments(world: World) -> str:
    return f"{sum(info.segments for info in world.infos().values())} segments"


_LOOKED_AT: dict[str, Callable[[World], str]] = {
    "recordings_are_as_undisturbed": lambda world: f"{len(world.recordings)} recordings",
    "live_streams_replay": lambda world: f"{len(world.cameras)} cameras",
    "answers_and_gaps_tile": _answers,
    "segments_do_not_overlap": _segments,
}


def leaked(quiet: References) -> Iterator[str]:
    """Nothing is under way but the supervisor's questions: it asks each model worker again and again how much it has to
    do, and refers to one answer of each. Else nothing but actors may be referred to; the object stores must be empty.
    """
    questions = [one for one in quiet.told if one.startswith("supervisor")]
    if quiet.values - len(questions) or len(questions) > quiet.workers or quiet.bytes:
        yield (
            f"nothing is under way, but {quiet.values} values are referred to and {quiet.bytes} bytes kept: "
            f"{', '.join(quiet.told)}"
        )


def references_told(busy: References, quiet: References) -> str:
    """How many there were while streams ran, and when none did."""
    running, resting = (f"{one.values} values, {one.bytes / 2**20:.1f} MiB" for one in (busy, quiet))
    return f"{running} while streams ran; {resting} at rest, of {quiet.actors} actors"


def _span(one: Scores | Gap) -> tuple[float, float]:
    return (one.start_s, one.end_s) if isinstance(one, Scores) else (one.start, one.end)


def _longtake(*arguments: str, home: Path, then: str) -> str:
    code, _out, said = _ask(*arguments, home=home)
    if code:
        return f"failed: {said}"
    return _ask("timeline", then, "--format", "json", home=home)[1]


def _ask(*arguments: str, home: Path) -> tuple[int, str, str]:
    environment = os.environ | {"LONGTAKE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "longtake", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
