"""Scenes filmed once at the size and rate a model sees, kept on disk, read as one long array."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.scene import Scene
from pipeline.synthetic.spec import SceneSpec
from pipeline.values import ClipSpec, UInt8Array

Log = Callable[[str], None]
Bytes: TypeAlias = np.memmap[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Footage:
    """Streams of equal length, one after the other.

    Attributes:
        frames: S·N×H×W×3 uint8, on disk.
        holds: S·N×C bool, which labels hold at each frame.
        length: N, frames of each stream.
    """

    frames: UInt8Array
    holds: NDArray[np.bool_]
    length: int

    @property
    def streams(self) -> int:
        """S."""
        return len(self.holds) // self.length


@dataclass(frozen=True, slots=True)
class Shooting:
    """What to film.

    Attributes:
        scenes: one stream each, all of one length.
        clip: gives size and rate.
        labels: whose truth is kept.
    """

    scenes: tuple[SceneSpec, ...]
    clip: ClipSpec
    labels: tuple[str, ...]

    @property
    def length(self) -> int:
        """Frames of each stream."""
        return int(self.scenes[0].duration_s * self.clip.fps)

    def times_s(self) -> NDArray[np.float64]:
        """Scene seconds of a stream's frames."""
        return np.arange(self.length) / self.clip.fps

    def key(self) -> str:
        """Names the footage; changes with the scenes, the size, and what the code draws of a few of them."""
        clip = self.clip
        digest = hashlib.sha256(repr((self.scenes, clip.height, clip.width, clip.fps, self.labels)).encode())
        for spec in self.scenes[:: max(1, len(self.scenes) // 3)]:
            scene = Scene(spec)
            digest.update(scene.render(spec.duration_s / 3, clip.height, clip.width).tobytes())
            digest.update(scene.truth.json("").encode())
        return digest.hexdigest()[:16]


def film(shooting: Shooting, cache: Path, processes: int, log: Log) -> Footage:
    """Film what is not in `cache` yet, in `processes` processes."""
    folder = cache / f"footage-{shooting.key()}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        for array in _arrays(shooting, part, "w+"):
            array.flush()
        _film_all(shooting, part, processes, log)
        part.replace(folder)
    frames, holds = _arrays(shooting, folder, "r")
    return Footage(frames, holds.astype(np.bool_), shooting.length)


def _arrays(shooting: Shooting, folder: Path, mode: Literal["r", "r+", "w+"]) -> tuple[Bytes, Bytes]:
    """Frames and truth of all streams, as they lie on disk."""
    total, clip = len(shooting.scenes) * shooting.length, shooting.clip
    frames = np.memmap(folder / "frames.u8", np.uint8, mode, shape=(total, clip.height, clip.width, 3))
    return frames, np.memmap(folder / "holds.u8", np.uint8, mode, shape=(total, len(shooting.labels)))


def _film_all(shooting: Shooting, folder: Path, processes: int, log: Log) -> None:
    total = len(shooting.scenes)
    for done, _ in enumerate(_filmed(shooting, folder, processes), 1):
        if done % 20 == 0 or done == total:
            log(f"film: {done} of {total} scenes")


def _filmed(shooting: Shooting, folder: Path, processes: int) -> Iterator[int]:
    """Film one scene after the other, or several at once; yields each one's index when it is done."""
    indices = range(len(shooting.scenes))
    if processes == 1:
        for index in indices:
            yield _film_one(shooting, folder, index)
        return
    # Spawned, not forked: this process may have threads of torch running.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_film_one, shooting, folder, index) for index in indices]
        for job in as_completed(jobs):
            yield job.result()


def _film_one(shooting: Shooting, folder: Path, index: int) -> int:
    scene, clip, times_s = Scene(shooting.scenes[index]), shooting.clip, shooting.times_s()
    frames, holds = _arrays(shooting, folder, "r+")
    first = index * shooting.length
    holds[first : first + shooting.length] = scene.labels(times_s, shooting.labels)
    for row, t_s in enumerate(times_s, first):
        frames[row] = scene.render(float(t_s), clip.height, clip.width)
    frames.flush()
    holds.flush()
    return index


def scenes(seeds: Sequence[int], people: Sequence[int], seconds: float) -> tuple[SceneSpec, ...]:
    """One scene per seed, with the numbers of people taken in turn."""
    return tuple(SceneSpec(seed, seconds, people[i % len(people)]) for i, seed in enumerate(seeds))
