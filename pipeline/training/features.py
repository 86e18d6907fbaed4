"""Streams of features, encoded exactly as they are served: by a model worker, clip by clip."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipeline.models.worker import ModelWorker
from pipeline.training.augment import vary
from pipeline.training.footage import Footage
from pipeline.training.run import Run
from pipeline.values import ClipSpec, Float32Array


@dataclass(frozen=True, slots=True)
class FeatureStreams:
    """S streams of N steps.

    Attributes:
        features: S×N×D.
        truth: S×N×C, the share of the time a step answers for during which each label holds.
    """

    features: Float32Array
    truth: Float32Array


def steps_of(length: int, clip: ClipSpec) -> list[tuple[int, int, int]]:
    """For each whole clip of a stream of `length` frames: its first frame, and the frames it answers for, [a, b)."""
    starts = range(0, length - clip.frames + 1, clip.stride)
    return [(s, s + clip.frames - clip.stride if s else 0, s + clip.frames) for s in starts]


def encode_streams(worker: ModelWorker, footage: Footage, passes: int, run: Run) -> FeatureStreams:
    """Encode every stream `passes` times, as it is and then varied, or read what an earlier attempt left behind."""
    path = run.folder / f"features-{worker.card.fingerprint}-{footage.streams}x{passes}.npy"
    jobs = [(stream, variation) for variation in range(passes) for stream in range(footage.streams)]
    if not path.exists():
        rows = []
        with ThreadPoolExecutor(run.threads) as pool:
            for done, row in enumerate(pool.map(lambda job: _encode(worker, footage, run.seed, *job), jobs), 1):
                rows.append(row)
                if done % 20 == 0 or done == len(jobs):
                    run.log(f"features: {done} of {len(jobs)} streams")
        np.save(path, np.stack(rows))
    steps = steps_of(footage.length, worker.card.clip)
    holds = footage.holds.reshape(footage.streams, footage.length, -1).astype(np.float32)
    truth = np.stack([holds[:, a:b].mean(1) for _, a, b in steps], 1)
    return FeatureStreams(np.load(path), np.concatenate([truth] * passes))


def _encode(worker: ModelWorker, footage: Footage, seed: int, stream: int, variation: int) -> Float32Array:
    """N×D of one stream."""
    first = stream * footage.length
    frames = footage.frames[first : first + footage.length]
    if variation:
        frames = vary(frames, np.random.default_rng((seed, 2, stream, variation)))
    return np.concatenate([worker.encode([clip]) for clip in _clips(frames, worker.card.clip)])


def _clips(frames: np.ndarray, clip: ClipSpec) -> Iterator[np.ndarray]:
    for start, _, _ in steps_of(len(frames), clip):
        yield np.ascontiguousarray(frames[start : start + clip.frames])
