"""The pictures of examples: every video decoded once, as a stream would be, kept on disk at the size a model sees."""

import hashlib
import itertools
import math
import os
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
from pipeline.source.names import scheme_of
from pipeline.synthetic import ACTIONS, parse_uri
from pipeline.training.data.examples import Example, Table
from pipeline.training.footage import Shooting, film
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
    wanted = sorted({example.video for example in table.examples})
    scenes = [video for video in wanted if scheme_of(video) == "synthetic"]
    videos = _filmed(scenes, clip, cache, log) | _all_decoded(sorted({*wanted} - {*scenes}), clip, cache, log)
    shown = tuple(_part(videos[example.video], example, clip) for example in table.examples)
    return Pictures(shown, tuple(table.labels.index(example.label) for example in table.examples))


def _part(video: UInt8Array, example: Example, clip: ClipSpec) -> UInt8Array:
    """An example's pictures; one shorter than a clip is shown with what happens around it, as a stream would be."""
    if example.start_s is None or example.end_s is None:
        return video
    first, end = (math.ceil(time_s * clip.fps - 1e-6) for time_s in (example.start_s, example.end_s))
    if first >= len(video):
        at_s = len(video) / clip.fps
        raise LongtakeError(f"{example.video} ends at {at_s:.1f} s, before {example.label} at {example.start_s:g} s")
    if end - first < clip.frames:
        first = max(0, min((first + end - clip.frames) // 2, len(video) - clip.frames))
        end = first + clip.frames
    return video[first:end]


def _filmed(uris: list[str], clip: ClipSpec, cache: Path, log: Log) -> dict[str, UInt8Array]:
    """N×H×W×3 pictures of scenes of one length."""
    if not uris:
        return {}
    shooting = Shooting(tuple(parse_uri(uri)[0] for uri in uris), clip, ACTIONS)
    frames = film(shooting, cache, os.cpu_count() or 1, log).frames
    return {uri: frames[at * shooting.length : (at + 1) * shooting.length] for at, uri in enumerate(uris)}


def _all_decoded(videos: list[str], clip: ClipSpec, cache: Path, log: Log) -> dict[str, UInt8Array]:
    decoded: dict[str, UInt8Array] = {}
    for number, video in enumerate(videos, 1):
        decoded[video] = _decoded(Path(video), clip, cache)
        if number % 20 == 0 or number == len(videos):
            log(f"decode: {number} of {len(videos)} videos")
    return decoded


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
