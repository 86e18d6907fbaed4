"""A store with a month of many streams, written as lanes write it: by commits."""

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, GapReason, Segment

STREAMS, SEGMENTS = 100, 1_000_000
LABELS = ("bend", "carry", "climb", "fall", "fight", "loiter", "run", "sit", "walk", "wave")
MODEL = hashlib.blake2b(b"filled", digest_size=16).hexdigest()
BEGIN_S, END_S = 1_790_812_800.0, 1_793_404_800.0
"""October 2026."""
_GAPS, _GAP_S = 50, 60.0  # of a stream
_AT_ONCE = 1000  # segments of a commit
_LENGTH_S = 60.0  # of a segment, on average


def name_of(number: int) -> str:
    """Return the name of a stream, by its number from 0."""
    return f"cam-{number:03}"


@contextmanager
def opened(
    home: Path, url: str | None = None, streams: int = STREAMS, segments: int = SEGMENTS
) -> Iterator[TimelineStore]:
    """Open the store under `home`, or at `url`, and fill it unless it is filled already."""
    home.mkdir(parents=True, exist_ok=True)
    with TimelineStore.open(url, home) as store:
        found = store.streams()
        if not found:
            fill(store, streams, segments)
        elif (len(found), sum(one.segments for one in found)) != (streams, segments):
            raise SystemExit(f"the store holds something else than {segments:,} segments of {streams} streams")
        yield store


def fill(store: TimelineStore, streams: int = STREAMS, segments: int = SEGMENTS) -> None:
    """Write `segments` closed segments of `streams` streams and some gaps, the same ones every time."""
    assert segments % (streams * len(LABELS)) == 0, (streams, segments)
    for number in range(streams):
        _fill_stream(store, number, segments // streams)


def _fill_stream(store: TimelineStore, number: int, segments: int) -> None:
    stream, random = name_of(number), np.random.default_rng(number)
    lease = store.claim(stream, f"rtsp://camera.example/{number}", MODEL, frozenset(LABELS))
    each = segments // len(LABELS)
    found = [one for label in LABELS for one in _segments(stream, label, *_spans(random, each, _LENGTH_S), random)]
    found.sort(key=lambda one: one.start)
    gaps = [
        Gap(stream, start, end, GapReason.CAMERA_DOWN)
        for start, end in zip(*_spans(random, _GAPS, _GAP_S), strict=True)
    ]
    for step, at in enumerate(range(0, len(found), _AT_ONCE)):
        store.commit(lease, _commit(stream, step, found[at : at + _AT_ONCE], [] if step else gaps))
    store.set_state(lease, "running")


def _spans(random: np.random.Generator, count: int, length_s: float) -> tuple[list[float], list[float]]:
    """Starts and ends of spans that do not overlap, all over the month."""
    starts: NDArray[np.float64] = np.sort(random.uniform(BEGIN_S, END_S - 1, count))
    ends = starts + np.minimum(random.exponential(length_s, count), np.diff(starts, append=END_S))
    return starts.tolist(), ends.tolist()


def _segments(
    stream: str, label: str, starts: Sequence[float], ends: Sequence[float], random: np.random.Generator
) -> Iterator[Segment]:
    peaks = random.uniform(0.5, 1.0, len(starts)).tolist()
    for start, end, peak in zip(starts, ends, peaks, strict=True):
        id_ = hashlib.blake2b(f"{stream} {label} {start}".encode(), digest_size=8).hexdigest()
        yield Segment(id_, stream, 0, label, start, end, 0.9 * peak, peak, MODEL)


def _commit(stream: str, step: int, closed: Sequence[Segment], gaps: Sequence[Gap]) -> Commit:
    nothing = np.zeros(0, np.float32)
    checkpoint = Checkpoint(
        stream=stream,
        epoch=0,
        step=step,
        origin_s=BEGIN_S,
        ordinal=-1,
        pts_s=0.0,
        digest=bytes(16),
        until_s=END_S,
        answered_s=END_S,
        temporal_state=nothing,
        segmenter_state=b"",
        pending_gap=None,
        numerics="",
        model=MODEL,
        source="",
    )
    return Commit(stream, 0, step, step, tuple(closed), (), tuple(closed), tuple(gaps), (), checkpoint)


def arguments(about: str) -> argparse.ArgumentParser:
    """Return the options that benches over a filled store have in common."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--home", type=Path, required=True, help="folder of the store; filled once, then used again")
    parser.add_argument("--store", default=None, help="URL of another Redis than the embedded one")
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--segments", type=int, default=SEGMENTS)
    return parser
