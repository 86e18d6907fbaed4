"""The pictures of examples: every video decoded once, as a stream would be, kept on disk at the size a model sees."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pipeline.clip.cutter import ClipCutter
from pipeline.clock import SystemClock
from pipeline.decode import DecodeStats
from pipeline.errors import LongtakeError
from pipeline.frames import Order, opened
from pipeline.source import SourceSettings
from pipeline.training.data.table import Example, Table
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap, UInt8Array

Log: TypeAlias = Callable[[str], None]
Bytes: TypeAlias = np.memmap[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Examples with what they show.

    Attributes:
        shown: of each example its N×H×W×3 pictures, N ≥ 1, on disk; `clip.fps` of them a second.
        classes: index of each example's label.
    """

    shown: tuple[UInt8Array, ...]
    classes: tuple[int, ...]


def pictures(table: Table, clip: ClipSpec, cache: Path, log: Log) -> Pictures:
    """Decode what is not in `cache` yet; a stretch that a video lacks shows the picture before it.

    Raises:
        LongtakeError: a video cannot be read, or ends before an example begins.
    """
    videos: dict[Path, Bytes] = {}
    wanted = sorted({example.video for example in table.examples})
    for number, video in enumerate(wanted, 1):
        videos[video] = _decoded(video, clip, cache)
        if number % 20 == 0 or number == len(wanted):
            log(f"decode: {number} of {len(wanted)} videos")
    shown = tuple(_part(videos[example.video], example, clip.fps) for example in table.examples)
    return Pictures(shown, tuple(table.labels.index(example.label) for example in table.examples))


def _part(video: Bytes, example: Example, fps: float) -> UInt8Array:
    if example.start_s is None or example.end_s is None:
        return video
    first, end = math.ceil(example.start_s * fps - 1e-6), math.ceil(example.end_s * fps - 1e-6)
    part = video[first : max(end, first + 1)]
    if not len(part):
        at_s = len(video) / fps
        raise LongtakeError(f"{example.video} ends at {at_s:.1f} s, before {example.label} at {example.start_s:g} s")
    return part


def _decoded(video: Path, clip: ClipSpec, cache: Path) -> Bytes:
    """N×H×W×3 pictures of the whole video."""
    path = cache / f"pictures-{_key(video, clip)}.u8"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            for picture in _frames(video, clip):
                file.write(picture.data)
        if not part.stat().st_size:
            raise LongtakeError(f"{video} shows nothing")
        part.replace(path)
    count = path.stat().st_size // (clip.height * clip.width * 3)
    return np.memmap(path, np.uint8, "r", shape=(count, clip.height, clip.width, 3))


def _key(video: Path, clip: ClipSpec) -> str:
    stat = video.stat()
    what = (str(video.resolve()), stat.st_size, stat.st_mtime_ns, clip.height, clip.width, clip.fps)
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _frames(video: Path, clip: ClipSpec) -> Iterator[UInt8Array]:
    """The pictures on the grid of `clip.fps`, from second zero."""
    cutter = ClipCutter(video.name, ClipSpec(1, clip.height, clip.width, clip.fps, 1))
    order = Order(str(video), SourceSettings(), clip.height, clip.width)
    with opened(order, DecodeStats(), SystemClock()) as source:
        last: UInt8Array | None = None
        for item in _items(cutter, source.frames):
            if isinstance(item, Clip):
                last = np.ascontiguousarray(item.frames[0])
                yield last
            elif last is not None:
                yield from itertools.repeat(last, round((item.end - item.start) * clip.fps))


def _items(cutter: ClipCutter, frames: Iterable[DecodedFrame]) -> Iterator[Clip | Gap]:
    for frame in frames:
        yield from cutter.push(frame)
    yield from cutter.finish()
