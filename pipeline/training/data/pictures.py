"""The pictures of examples: every video decoded once, as a stream would be, kept on disk at the size a model sees."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.clock import SystemClock
from pipeline.cutting import cutter_of
from pipeline.decode import DecodeStats
from pipeline.errors import LongtakeError
from pipeline.frames import Order, opened
from pipeline.source import SourceSettings
from pipeline.training.data.table import Example, Table
from pipeline.values import Clip, ClipSpec, Float16Array, Gap, MotionSpec, UInt8Array

Log: TypeAlias = Callable[[str], None]
A = TypeVar("A", UInt8Array, Float16Array)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Examples with what they show.

    Attributes:
        shown: of each example its N×H×W×3 pictures, N ≥ 1, on disk; `clip.fps` of them a second.
        classes: index of each example's label.
        motions: of each example N×L×2×h×w, on disk: what a clip that ends with a picture has of it; for a model that
            asks for motion.
    """

    shown: tuple[UInt8Array, ...]
    classes: tuple[int, ...]
    motions: tuple[Float16Array, ...] = ()

    def motion(self, example: int) -> Float16Array | None:
        """That of an example's pictures, where there is some."""
        return self.motions[example] if self.motions else None


def pictures(table: Table, clip: ClipSpec, cache: Path, log: Log) -> Pictures:
    """Decode what is not in `cache` yet; a stretch that a video lacks shows the picture before it.

    Raises:
        LongtakeError: a video cannot be read, or ends before an example begins.
    """
    videos: dict[Path, UInt8Array] = {}
    motions: dict[Path, Float16Array] = {}
    wanted = sorted({example.video for example in table.examples})
    for number, video in enumerate(wanted, 1):
        videos[video] = _decoded(video, clip, cache)
        if clip.motion is not None:
            motions[video] = _motion(video, clip, clip.motion, cache)
        if number % 20 == 0 or number == len(wanted):
            log(f"decode: {number} of {len(wanted)} videos")
    shown = tuple(_part(videos[example.video], example, clip.fps) for example in table.examples)
    moved = tuple(_part(motions[example.video], example, clip.fps) for example in table.examples if motions)
    return Pictures(shown, tuple(table.labels.index(example.label) for example in table.examples), moved)


def _part(video: A, example: Example, fps: float) -> A:
    if example.start_s is None or example.end_s is None:
        return video
    first, end = math.ceil(example.start_s * fps - 1e-6), math.ceil(example.end_s * fps - 1e-6)
    part = video[first : max(end, first + 1)]
    if not len(part):
        at_s = len(video) / fps
        raise LongtakeError(f"{example.video} ends at {at_s:.1f} s, before {example.label} at {example.start_s:g} s")
    return part


def _decoded(video: Path, clip: ClipSpec, cache: Path) -> UInt8Array:
    """N×H×W×3 pictures of the whole video."""
    one = replace(clip, frames=1, stride=1, motion=None)
    path = _kept(cache / f"pictures-{_key(video, one)}.u8", lambda: _frames(video, one))
    if not path.stat().st_size:
        raise LongtakeError(f"{video} shows nothing")
    return np.memmap(path, np.uint8, "r").reshape(-1, clip.height, clip.width, 3)


def _motion(video: Path, clip: ClipSpec, spec: MotionSpec, cache: Path) -> Float16Array:
    """N×L×2×h×w of the whole video: with each picture, what a clip that ends with it has."""
    each = replace(clip, stride=1)
    path = _kept(cache / f"motion-{_key(video, each)}.f16", lambda: _fields(video, each, spec))
    return np.memmap(path, np.float16, "r").reshape(-1, spec.pairs, 2, spec.height, spec.width)


def _kept(path: Path, arrays: Callable[[], Iterable[NDArray[Any]]]) -> Path:
    """The file that holds the arrays one after the other; it is written where it is missing."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            for array in arrays():
                file.write(np.ascontiguousarray(array).data)
        part.replace(path)
    return path


def _key(video: Path, clip: ClipSpec) -> str:
    stat = video.stat()
    what = (str(video.resolve()), stat.st_size, stat.st_mtime_ns, clip)
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _frames(video: Path, clip: ClipSpec) -> Iterator[UInt8Array]:
    """The pictures on the grid of `clip.fps`, from second zero."""
    last: UInt8Array | None = None
    for item in _items(video, clip):
        if isinstance(item, Clip):
            last = item.frames[0]
            yield last
        elif last is not None:
            yield from itertools.repeat(last, _lacking(item, clip))


def _fields(video: Path, clip: ClipSpec, spec: MotionSpec) -> Iterator[Float16Array]:
    """As many as there are pictures; still where a stretch is lacking, and before an epoch's first clip is whole."""
    still = np.zeros((spec.pairs, 2, spec.height, spec.width), np.float16)
    begun = False
    for item in _items(video, clip):
        if isinstance(item, Clip):
            assert item.motion is not None
            begun = True
            yield from itertools.repeat(still, 0 if item.step else item.valid_frames - 1)
            yield item.motion
        elif begun:
            yield from itertools.repeat(still, _lacking(item, clip))


def _lacking(gap: Gap, clip: ClipSpec) -> int:
    return round((gap.end - gap.start) * clip.fps)


def _items(video: Path, clip: ClipSpec) -> Iterator[Clip | Gap]:
    cutter = cutter_of(video.name, clip)
    order = Order(str(video), SourceSettings(), clip.height, clip.width, clip.scaling, clip.motion)
    with opened(order, DecodeStats(), SystemClock()) as source:
        for frame in source.frames:
            yield from cutter.push(frame)
        yield from cutter.finish()
