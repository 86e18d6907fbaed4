"""What must hold when the chaos is over."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import LongtakeError
from pipeline.timeline import document
from pipeline.values import Gap, Scores
from tests.chaos.world import ROOT, World

TOUCH_S = 1e-6


def recordings_are_as_undisturbed(world: World) -> Iterator[str]:
    """Byte for byte the timeline of a run that nothing happened to."""
    home = world.folder / "undisturbed"
    for name, film in world.recordings.items():
        if world.infos()[name].state != "ended":
            yield f"{name} has not ended: {world.infos()[name]}"
            continue
        expected = _longtake("run", str(film), "--name", name, "--format", "json", home=home, then=name)
        if document.to_json(world.store.timeline(name)) != expected:
            yield f"{name} differs from its undisturbed run"


def live_streams_replay(world: World) -> Iterator[str]:
    """Byte for byte the timeline that the lane log gives again."""
    for name in world.cameras:
        code, out, said = _ask("replay", str(world.log / name), "--format", "json", home=world.folder / "replay")
        if code or out != document.to_json(world.store.timeline(name)):
            (world.folder / f"{name}.replayed.json").write_text(out)
            yield f"{name} differs from its replay (exit {code}): {said[-300:]}"


def answers_and_gaps_tile(world: World) -> Iterator[str]:
    """No moment is without an answer or a reason, none has two."""
    for name in sorted(world.names()):
        timeline, scores = world.store.timeline(name), world.store.scores(name)
        spans = sorted([_span(one) for one in scores] + [_span(one) for one in timeline.gaps])
        for (_, before), (after, _) in itertools.pairwise(spans):
            if abs(after - before) > TOUCH_S:
                yield f"{name}: {before:.3f} to {after:.3f} is {'untold' if after > before else 'told twice'}"


def segments_do_not_overlap(world: World) -> Iterator[str]:
    """A label holds once at a time, and no segment is there twice."""
    for name in sorted(world.names()):
        segments = world.store.timeline(name).segments
        if len({segment.id for segment in segments}) != len(segments):
            yield f"{name}: a segment is there twice"
        for label in {segment.label for segment in segments}:
            own = sorted((s.start, s.end or float("inf")) for s in segments if s.label == label)
            if any(first[1] > second[0] + TOUCH_S for first, second in itertools.pairwise(own)):
                yield f"{name}: {label} overlaps itself"


CHECKS = (recordings_are_as_undisturbed, live_streams_replay, answers_and_gaps_tile, segments_do_not_overlap)


def failures(world: World) -> list[str]:
    """Return what does not hold, as sentences."""
    found: list[str] = []
    for check in CHECKS:
        try:
            found += check(world)
        except (LongtakeError, KeyError) as error:
            found.append(f"{check.__name__}: {type(error).__name__}: {error}")
    return found


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
