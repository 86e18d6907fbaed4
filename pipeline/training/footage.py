"""Scenes filmed once at the size and rate a model sees, kept on disk, read as one long array."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.scene import Scene
from pipeline.synthetic.spec import SceneSpec
from pipeline.values import ClipSpec, UInt8Array

Log = Callable[[str], None]


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
        digest = hashlib.sha256(repr((self.scenes, clip.height, clip.width, clip.fps)).encode())
        for spec in self.scenes[:: max(1, len(self.scenes) // 3)]:
            scene = Scene(spec)
            digest.update(scene.render(spec.duration_s / 3, clip.height, clip.width).tobytes())
            digest.update(scene.truth.json("").encode())
        return digest.hexdigest()[:16]


def film(shooting: Shooting, cache: Path, processes: int, log: Log) -> Footage:
    """Film what is not in `cache` yet, in `processes` processes."""
    folder = cache / f"footage-{shooting.key()}"
    folder.mkdir(parents=True, exist_ok=True)
    total = len(shooting.scenes) * shooting.length
    path, shape = folder / "frames.u8", (total, shooting.clip.height, shooting.clip.width, 3)
    if not path.exists():
        part = path.with_suffix(".part")
        np.memmap(part, np.uint8, "w+", shape=shape).flush()
        _film_all(shooting, part, processes, log)
        part.replace(path)
    holds = np.concatenate([Scene(scene).labels(shooting.times_s(), shooting.labels) for scene in shooting.scenes])
    return Footage(np.memmap(path, np.uint8, "r", shape=shape), holds, shooting.length)


def _film_all(shooting: Shooting, path: Path, processes: int, log: Log) -> None:
    total = len(shooting.scenes)
    for done, _ in enumerate(_filmed(shooting, path, processes), 1):
        if done % 20 == 0 or done == total:
            log(f"film: {done} of {total} scenes")


def _filmed(shooting: Shooting, path: Path, processes: int) -> Iterator[int]:
    """Film one scene after the other, or several at once; yields each one's index when it is done."""
    indices = range(len(shooting.scenes))
    if processes == 1:
        for index in indices:
            yield _film_one(shooting, path, index)
        return
    # Spawned, not forked: this process may have threads of torch running.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_film_one, shooting, path, index) for index in indices]
        for job in as_completed(jobs):
            yield job.result()


def _film_one(shooting: Shooting, path: Path, index: int) -> int:
    scene, clip, times_s = Scene(shooting.scenes[index]), shooting.clip, shooting.times_s()
    shape = (len(times_s), clip.height, clip.width, 3)
    frames = np.memmap(path, np.uint8, "r+", index * int(np.prod(shape)), shape)
    for frame, t_s in zip(frames, times_s, strict=True):
        frame[:] = scene.render(float(t_s), clip.height, clip.width)
    frames.flush()
    return index


def scenes(seeds: Sequence[int], people: Sequence[int], seconds: float) -> tuple[SceneSpec, ...]:
    """One scene per seed, with the numbers of people taken in turn."""
    return tuple(SceneSpec(seed, seconds, people[i % len(people)]) for i, seed in enumerate(seeds))
