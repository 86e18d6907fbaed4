"""Videos and scenes, each decoded once as a stream would be, kept on disk at the size a model sees."""

import hashlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline import synthetic
from pipeline.clock import SystemClock
from pipeline.cutting import cutter_of
from pipeline.decode import DecodeStats
from pipeline.errors import LongtakeError
from pipeline.frames import Order, opened
from pipeline.source import SourceSettings
from pipeline.source.names import scheme_of
from pipeline.values import Clip, ClipSpec, DecodedFrame, Float16Array, Gap, MotionSpec, UInt8Array

Log: TypeAlias = Callable[[str], None]

_SEVERAL = 8  # videos from which on processes of their own are worth their start


@dataclass(frozen=True, slots=True)
class Shown:
    """What a video shows, on disk.

    Attributes:
        pictures: N×H×W×3, N ≥ 1, `clip.fps` of them a second, from second zero on.
        motion: N×L×2×h×w: with each picture what a clip that ends with it has; None for a model that asks for none.
    """

    pictures: UInt8Array
    motion: Float16Array | None


def decoded(videos: Sequence[str], clip: ClipSpec, cache: Path, log: Log) -> dict[str, Shown]:
    """Decode what is not in `cache` yet; a stretch that a video lacks shows the picture before it, and no motion.

    Args:
        videos: files' paths, or URIs of scenes.

    Raises:
        LongtakeError: a video cannot be read, or shows nothing.
    """
    cache.mkdir(parents=True, exist_ok=True)
    kept = {video: _Kept(video, clip, cache) for video in videos}
    missing = [one for one in kept.values() if not one.whole]
    for number, _ in enumerate(_made(missing), 1):
        if number % 20 == 0 or number == len(missing):
            log(f"decode: {number} of {len(missing)} videos")
    return {video: one.shown() for video, one in kept.items()}


def _made(missing: "Sequence[_Kept]") -> "Iterator[_Kept]":
    """Make files, several at once where there are many; yields each that is done."""
    if len(missing) < _SEVERAL:
        for one in missing:
            yield one.make()
        return
    # Spawned, not forked: this process may have threads of torch running.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for job in as_completed([pool.submit(one.make) for one in missing]):
            yield job.result()


@dataclass(frozen=True, slots=True)
class _Kept:
    """The files of one video, for one kind of clip."""

    video: str
    clip: ClipSpec
    folder: Path

    @property
    def whole(self) -> bool:
        return self._pictures.exists() and (self.clip.motion is None or self._motion.exists())

    def make(self) -> Self:
        """Write what is missing; returns itself."""
        _write(self._pictures, lambda: _pictures(self.video, self._one))
        if not self._pictures.stat().st_size:
            raise LongtakeError(f"{self.video} shows nothing")
        if (spec := self.clip.motion) is not None:
            _write(self._motion, lambda: _fields(self.video, self._each, spec))
        return self

    def shown(self) -> Shown:
        pictures = np.memmap(self._pictures, np.uint8, "r").reshape(-1, self.clip.height, self.clip.width, 3)
        if (spec := self.clip.motion) is None:
            return Shown(pictures, None)
        fields = np.memmap(self._motion, np.float16, "r").reshape(-1, spec.pairs, 2, spec.height, spec.width)
        return Shown(pictures, fields)

    @property
    def _one(self) -> ClipSpec:
        return replace(self.clip, frames=1, stride=1, motion=None)

    @property
    def _each(self) -> ClipSpec:
        return replace(self.clip, stride=1)

    @property
    def _pictures(self) -> Path:
        return self.folder / f"pictures-{_key(self.video, self._one)}.u8"

    @property
    def _motion(self) -> Path:
        return self.folder / f"motion-{_key(self.video, self._each)}.f16"


def _write(path: Path, arrays: Callable[[], Iterable[NDArray[Any]]]) -> None:
    """One array after the other, where the file is missing."""
    if path.exists():
        return
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for array in arrays():
            file.write(np.ascontiguousarray(array).data)
    part.replace(path)


def _key(video: str, clip: ClipSpec) -> str:
    """Changes with the file, or what draws the scenes, and with what a model wants to see."""
    if _is_scene(video):
        source: tuple[object, ...] = (video, _synthetic_code())
    else:
        stat = Path(video).stat()
        source = (str(Path(video).resolve()), stat.st_size, stat.st_mtime_ns)
    return hashlib.sha256(repr((source, clip)).encode()).hexdigest()[:16]


@cache
def _synthetic_code() -> str:
    folder = Path(synthetic.__file__).parent
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()


def _pictures(video: str, clip: ClipSpec) -> Iterator[UInt8Array]:
    """The pictures on the grid of `clip.fps`."""
    last: UInt8Array | None = None
    for item in _items(video, clip):
        if isinstance(item, Clip):
            last = item.frames[0]
            yield last
        elif last is not None:
            yield from itertools.repeat(last, _lacking(item, clip))


def _fields(video: str, clip: ClipSpec, spec: MotionSpec) -> Iterator[Float16Array]:
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


def _items(video: str, clip: ClipSpec) -> Iterator[Clip | Gap]:
    cutter = cutter_of("video", clip)
    for frame in _frames(video, clip):
        yield from cutter.push(frame)
    yield from cutter.finish()


def _frames(video: str, clip: ClipSpec) -> Iterator[DecodedFrame]:
    """A scene is drawn as rarely as the clip allows: motion is that of its native frames."""
    if _is_scene(video):
        spec, fps, _ = synthetic.parse_uri(video)
        yield from synthetic.frames(spec, fps if clip.motion else clip.fps)
        return
    order = Order(video, SourceSettings(), clip.height, clip.width, clip.scaling, clip.motion)
    with opened(order, DecodeStats(), SystemClock()) as source:
        yield from source.frames


def _is_scene(video: str) -> bool:
    return scheme_of(video) == "synthetic"
