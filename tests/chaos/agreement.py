"""The metrics agree with the timelines.

A lane writes a commit and then counts it, in one process. So the store may have what was never counted, where that
process was killed between the two, or where nobody saw the count (`Counters.blind`); nothing may be counted that is not
in the store, because a commit whose answer was lost and that was repeated is counted once, and one that was refused is
not counted at all. Recordings have ended and cameras are paused when this is asked, so nothing else is under way.

Exactly, for every stream and label, or reason:

    in the store − at a moment when a count could be lost  ≤  counted  ≤  in the store

The moments are those of the event log, which Redis stamps at each commit. A count can be lost from a second before a
process that drives lanes is killed until it is dead, and in blind stretches. Outside of them both sides are equal.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.lane_queue import LaneLimits
from pipeline.timeline.records import Event
from pipeline.values import Gap, Segment
from tests.chaos.world import World

COUNTED_S = 1.0  # a lane that was not killed has counted its commit by then, on a machine that is busy
EXACT_S = 1e-3  # sums of seconds, differently rounded
STRIDE_FRAMES = 4  # of the default model: frames a clip alone answers for

_LIMITS = LaneLimits()
HELD = _LIMITS.queue_clips + _LIMITS.in_flight + 1
"""Clips a lane has at most been given and not committed; they are cut again by the next one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch (unix seconds) in which counts may have been lost."""

    begin_s: float
    end_s: float


@dataclass(slots=True)
class Agreement:
    """One counter against the store.

    Attributes:
        stored, counted: sums over all streams.
        excused: of `stored`, what was committed at a moment when a count could be lost.
        wrong: sentences.
    """

    what: str
    stored: float
    counted: float
    excused: float
    wrong: list[str]


def moments(world: World, kills: list[tuple[float, float]]) -> list[Moment]:
    """When counts may have been lost: while lanes were killed (unix seconds), and where nobody looked."""
    killed = [Moment(begin - COUNTED_S, end + COUNTED_S) for begin, end in kills]
    return killed + [Moment(begin - COUNTED_S, end) for begin, end in world.counters.blind()]


def agreements(world: World, lost: list[Moment], killed: int) -> list[Agreement]:
    """Compare every counter that has its like in the store."""
    return [_segments(world, lost), _gaps(world, lost), _answers(world, killed), _clips(world)]


def _segments(world: World, lost: list[Moment]) -> Agreement:
    stored: Counter[tuple[str, ...]] = Counter()
    excused: Counter[tuple[str, ...]] = Counter()
    wrong = []
    for stream in sorted(world.names()):
        for event in _events(world, stream):
            if event.kind == "closed" and isinstance(event.value, Segment):
                key = (event.value.label, stream)
                stored[key] += 1
                excused[key] += _at(event, lost)
        final = sum(one.end is not None for one in world.served.store.timeline(stream).segments)
        told = sum(count for (_, name), count in stored.items() if name == stream)
        if told != final:
            wrong.append(f"{stream}: {final} final segments, but {told} closings in the event log")
    return _compared("segments", stored, excused, world.counters.total("longtake_segments_total"), wrong)


def _gaps(world: World, lost: list[Moment]) -> Agreement:
    stored: Counter[tuple[str, ...]] = Counter()
    excused: Counter[tuple[str, ...]] = Counter()
    wrong = []
    for stream in sorted(world.names()):
        told = Counter[Gap]()
        for event in _events(world, stream):
            if event.kind == "gap" and isinstance(event.value, Gap):
                key, seconds = (event.value.reason.value, stream), event.value.end - event.value.start
                stored[key] += seconds  # type: ignore[assignment]
                excused[key] += seconds * _at(event, lost)  # type: ignore[assignment]
                told[event.value] += 1
        if told != Counter(world.served.store.timeline(stream).gaps):
            wrong.append(f"{stream}: the gaps of the timeline are not those of the event log")
    return _compared("seconds of gaps", stored, excused, world.counters.total("longtake_gap_seconds_total"), wrong)


def _compared(
    what: str,
    stored: Counter[tuple[str, ...]],
    excused: Counter[tuple[str, ...]],
    counted: Counter[tuple[str, ...]],
    wrong: list[str],
) -> Agreement:
    for key in sorted({*stored, *counted}):
        least, most = stored[key] - excused[key], stored[key]
        if not least - EXACT_S <= counted[key] <= most + EXACT_S:
            name = " ".join(reversed(key))
            wrong.append(f"{name}: {most:g} {what} in the store, {counted[key]:g} counted, {excused[key]:g} excused")
    return Agreement(what, sum(stored.values()), sum(counted.values()), sum(excused.values()), wrong)


def _answers(world: World, killed: int) -> Agreement:
    """Every answer is told once with the seconds it took; a killed lane takes with it what one commit holds."""
    names = sorted(world.names())
    stored = sum(world.served.answered(names).values())
    excused = sum(map(world.counters.blind_answers, names)) + killed * HELD
    counted = sum(world.counters.total("longtake_clip_e2e_seconds_count").values())
    wrong = []
    if not stored - excused <= counted <= stored:
        wrong.append(f"{stored} answers in the store, {counted:g} counted, {excused} excused")
    return Agreement("answers", stored, counted, excused, wrong)


def _clips(world: World) -> Agreement:
    """A clip is counted when it is cut: again after its lane has died, and although it is dropped."""
    counted = world.counters.total("longtake_clips_total")
    dropped = world.counters.total("longtake_frames_dropped_total")
    stored, blind, wrong = world.served.answered(sorted(world.names())), Counter[str](), []
    for stream, answers in stored.items():
        blind[stream] = world.counters.blind_answers(stream)
        lanes = len(list((world.log / stream).glob("*.lanelog")))
        thrown = sum(frames for (_, name), frames in dropped.items() if name == stream) / STRIDE_FRAMES
        least, most = answers - blind[stream], answers + thrown + HELD * lanes
        if not least <= counted[(stream,)] <= most:
            wrong.append(
                f"{stream}: {counted[(stream,)]:g} clips cut, but {answers} answers, {thrown:g} dropped, {lanes} lanes"
            )
    return Agreement("clips", sum(stored.values()), sum(counted.values()), sum(blind.values()), wrong)


def _events(world: World, stream: str) -> Iterator[Event]:
    after = "0"
    while events := world.served.store.events(stream, after):
        yield from events
        after = events[-1].id


def _at(event: Event, lost: list[Moment]) -> bool:
    at_s = int(event.id.partition("-")[0]) / 1000
    return any(moment.begin_s <= at_s <= moment.end_s for moment in lost)
