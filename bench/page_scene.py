"""A house to look at: cameras that have watched for a day, one that fails, one that pauses, and recordings."""

import time
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.control.board import Board
from pipeline.synthetic import SceneSpec, write_video
from pipeline.synthetic.scene import Scene
from pipeline.timeline.document import from_json
from pipeline.timeline.store import TimelineStore
from pipeline.values import GapReason, Segment, UInt8Array
from tests.page.content import Writer, activity

DAY_S = 86_400.0
CAMERAS = {
    "dock-north": {"walk": (20, 240), "carry": (35, 500), "loitering": (90, 3000), "hand-over": (8, 1800)},
    "dock-south": {"walk": (15, 400), "carry": (30, 900), "run": (4, 5000)},
    "ward-3": {"walk": (12, 200), "sit": (400, 500), "lie": (900, 4000), "fall": (6, 14_000)},
    "gate": {"walk": (8, 120), "run": (3, 2600), "loitering": (60, 4000)},
}


def furnish(store: TimelineStore, folder: Path, now_s: float | None = None) -> dict[str, Writer]:
    """Fill a store; returns the writers of the cameras that are watched now, by name."""
    now_s = time.time() if now_s is None else now_s
    cameras = {name: _camera(store, name, now_s) for name in CAMERAS}
    _troubled(store, now_s)
    Board(store).lead("a supervisor", ttl_s=DAY_S)
    for seed, people in ((5, 2), (9, 1)):
        _recording(store, folder, seed, people)
    return cameras


@cache
def view_of(stream: str) -> UInt8Array:
    """A picture of what a camera may show; RGB."""
    seed = sum(stream.encode())
    return Scene(SceneSpec(seed=seed, duration_s=30, people=1)).render(12.0, 120, 160)


def grow(writer: Writer, now_s: float) -> list[Segment]:
    """What holds in front of a camera at this moment."""
    labels = list(CAMERAS[writer.stream])
    since = [9.0 + len(writer.stream), 47.0]
    count = 2 if writer.stream in ("ward-3", "dock-north") else 1
    return [writer.segment(label, now_s - ago, None, 0.9) for label, ago in zip(labels[:count], since, strict=False)]


def _camera(store: TimelineStore, name: str, now_s: float) -> Writer:
    rng = np.random.default_rng(sum(name.encode()))
    habits = CAMERAS[name]
    writer = Writer(store, name, f"rtsp://viewer:secret@10.0.0.{len(name)}/stream", frozenset(habits))
    growing = grow(writer, now_s)
    closed = []
    for label, (hold_s, pause_s) in habits.items():
        ends = min([one.start - 2 for one in growing if one.label == label], default=now_s - 3)
        closed += activity(writer, rng, label, now_s - DAY_S, ends, hold_s, pause_s)
    gaps = [
        writer.gap(now_s - 0.31 * DAY_S, now_s - 0.29 * DAY_S, GapReason.CAMERA_DOWN),
        writer.gap(now_s - 1500 - 40 * len(name), now_s - 1320 - 20 * len(name), GapReason.STALLED),
    ]
    free = [one for one in closed if not any(gap.start < (one.end or 0) and one.start < gap.end for gap in gaps)]
    writer.write(now_s, sorted(free, key=lambda one: one.start), growing, gaps)
    writer.state("running", "camera")
    writer.hold()
    return writer


def _troubled(store: TimelineStore, now_s: float) -> None:
    rng = np.random.default_rng(3)
    stairs = Writer(store, "stairs", "rtsp://10.0.0.31/stream", frozenset({"walk", "fall"}))
    stairs.write(now_s - 1100, activity(stairs, rng, "walk", now_s - DAY_S / 2, now_s - 1100, 10, 200))
    stairs.state("failed", "camera", "no route to host 10.0.0.31, port 554")
    stairs.failed("no route to host 10.0.0.31, port 554")
    yard = Writer(store, "yard", "rtsp://10.0.0.32/stream", frozenset({"walk", "run"}))
    yard.write(now_s - 2000, activity(yard, rng, "run", now_s - DAY_S / 2, now_s - 2000, 5, 900))
    yard.state("paused", "camera")


def _recording(store: TimelineStore, folder: Path, seed: int, people: int) -> None:
    spec = SceneSpec(seed=seed, duration_s=40, people=people)
    film = folder / f"visit-{seed}.mp4"
    if not film.exists():
        write_video(film, spec, fps=6, size=(320, 240))
    truth = from_json(film.with_suffix(".json").read_text())
    labels = frozenset(one.label for one in truth.segments)
    writer = Writer(store, f"visit-{seed}", str(film), labels)
    rng = np.random.default_rng(seed)
    found = [writer.segment(one.label, one.start, one.end, float(rng.uniform(0.6, 0.97))) for one in truth.segments]
    writer.write(truth.duration, found, gaps=[writer.gap(21.2, 23.4, GapReason.CORRUPT)], finished=True)
