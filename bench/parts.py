"""The two halves of longtake, each alone with all cores: what no engine can beat when it does both."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.task import ClipDigest, Result, Task
from pipeline.clock import SystemClock
from pipeline.hooks import Hooks
from pipeline.models.card import load_card
from pipeline.reader import Reader, ReadSettings
from pipeline.values import Checkpoint, Clip, ClipSpec, Float32Array, UInt8Array

if TYPE_CHECKING:
    from pipeline.models.worker import ModelWorker

CORES = os.cpu_count() or 1


def decode(task: Task) -> Result:
    """Decode, sample, scale and cut every film and throw the clips away; one thread per film, all cores."""
    spec = load_card(Path(task.model)).clip
    watch(task.warm, spec)
    digest = ClipDigest() if task.prove else None
    began_s = time.time()
    with ThreadPoolExecutor(CORES) as threads:
        counts = list(threads.map(lambda film: watch(film, spec, digest), task.films))
    return Result(
        frames=sum(frames for frames, _ in counts),
        clips=sum(clips for _, clips in counts),
        began_s=began_s,
        ended_s=time.time(),
        digest=digest.hexdigest() if digest else "",
    )


def model(task: Task) -> Result:
    """Answer the clips of the first film, which lie ready, once for every film; one call per core at a time."""
    from pipeline.models.worker import ModelWorker

    worker = ModelWorker(Path(task.model))
    clips, frames = ready_clips(task.films[0], worker.card.clip)
    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(worker.encode, [[clip] for clip in clips[: 2 * CORES]]))
        began_s = time.time()
        for _ in task.films:
            features = [row for rows in threads.map(worker.encode, [[clip] for clip in clips]) for row in rows]
            _remember(worker, np.stack(features))
        ended_s = time.time()
    return Result(frames * len(task.films), len(clips) * len(task.films), began_s, ended_s)


def watch(film: str, spec: ClipSpec, digest: ClipDigest | None = None) -> tuple[int, int]:
    """Read one film as the flow does; return frames decoded and clips cut."""
    reader, clips = _reader(film, spec), 0
    for item in reader.read(_beginning(), threading.Event()):
        clips += isinstance(item, Clip)
        if digest and isinstance(item, Clip):
            digest.add(item.frames)
    return reader.stats.frames_decoded, clips


def ready_clips(film: str, spec: ClipSpec) -> tuple[list[UInt8Array], int]:
    """The pixels of a film's clips, and how many frames were decoded for them."""
    reader = _reader(film, spec)
    clips = [item.frames for item in reader.read(_beginning(), threading.Event()) if isinstance(item, Clip)]
    return clips, reader.stats.frames_decoded


def _remember(worker: "ModelWorker", features: Float32Array) -> None:
    from pipeline.models.requests import RememberRequest

    state = None
    for start in range(0, len(features), 8):
        part = features[start : start + 8]
        state = worker.remember([RememberRequest(part, np.zeros(len(part), np.float32), state)])[0].state


def _reader(film: str, spec: ClipSpec) -> Reader:
    return Reader("film", film, spec, ReadSettings(), Hooks(), SystemClock())


def _beginning() -> Checkpoint:
    return Checkpoint(
        "film", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "bench", "bench", "film"
    )
