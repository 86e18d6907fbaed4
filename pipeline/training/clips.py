"""Batches of clips for the encoder: drawn by label, varied, fetched ahead of their use."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Queue
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.training.augment import vary
from pipeline.training.footage import Footage
from pipeline.training.recipe import View
from pipeline.values import ClipSpec, UInt8Array

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """B clips: B×T×3×H×W normalised float32 pixels and B×T×C float32 truth of every frame."""

    pixels: Tensor
    truth: Tensor


class ClipSource:
    """Draws clips from footage.

    Half of the clips are drawn evenly; of the others each shows, within its newest frames, a label drawn evenly from
    those that occur: a fall is rare, and the encoder should not have to wait for one.
    """

    def __init__(self, footage: Footage, clip: ClipSpec, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self._footage, self._clip = footage, clip
        self._mean, self._std = mean, std
        self._moments = [np.flatnonzero(column) for column in footage.holds.T if column.any()]

    def varied(self, batch: int, view: View, seed: tuple[int, ...]) -> ClipBatch:
        """B varied clips, as the view wants them; equal seeds give equal batches."""
        rng = np.random.default_rng(seed)
        drawn = [self._balanced(rng) if i % 2 else self._even(rng) for i in range(batch)]
        starts = [start + self._clip.frames - view.frames for start in drawn]
        clips = [vary(self._footage.frames[s : s + view.frames], rng, (view.side, view.side)) for s in starts]
        return self._batch(np.stack(clips), starts)

    def plain(self, starts: NDArray[np.intp]) -> ClipBatch:
        """The clips that begin at these frames, as they are."""
        clips = np.stack([self._footage.frames[start : start + self._clip.frames] for start in starts])
        return self._batch(clips, list(starts))

    def spread(self, count: int) -> NDArray[np.intp]:
        """First frames of `count` clips spread evenly over all streams."""
        last = self._footage.length - self._clip.frames
        places = np.linspace(0, self._footage.streams * (last + 1) - 1, count).astype(np.intp)
        stream, offset = np.divmod(places, last + 1)
        return stream * self._footage.length + offset

    def _even(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self._footage.streams)) * self._footage.length + self._offset(rng)

    def _offset(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self._footage.length - self._clip.frames + 1))

    def _balanced(self, rng: np.random.Generator) -> int:
        moments = self._moments[int(rng.integers(len(self._moments)))]
        stream, offset = divmod(int(rng.choice(moments)), self._footage.length)
        newest = offset + int(rng.integers(self._clip.stride))
        start = min(max(newest - self._clip.frames + 1, 0), self._footage.length - self._clip.frames)
        return stream * self._footage.length + start

    def _batch(self, clips: NDArray[np.uint8], starts: list[int]) -> ClipBatch:
        truth = np.stack([self._footage.holds[start : start + clips.shape[1]] for start in starts])
        return ClipBatch(normalised(clips, self._mean, self._std), torch.from_numpy(truth.astype(np.float32)))


def normalised(clips_BTHWC: UInt8Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """B×T×3×H×W float32, of RGB in [0, 1] less its mean, over its deviation."""
    batch, frames, height, width, _ = clips_BTHWC.shape
    rows = torch.from_numpy(clips_BTHWC).view(-1, width * 3).float().div_(255)
    rows.sub_(torch.tensor(mean).repeat(width)).div_(torch.tensor(std).repeat(width))
    return rows.view(batch, frames, height, width, 3).permute(0, 1, 4, 2, 3)


class Ahead(Generic[T]):
    """Makes batches 0, 1, 2… in a thread, a few ahead of their use."""

    def __init__(self, make: Callable[[int], T], start: int, depth: int = 2) -> None:
        self._make, self._queue, self._next = make, Queue[T | BaseException](depth), start
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(start,), name="clips", daemon=True)
        self._thread.start()

    def take(self, step: int) -> T:
        """The batch of `step`; steps are taken in order."""
        assert step == self._next, (step, self._next)
        self._next += 1
        batch = self._queue.get()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        while self._thread.is_alive():
            _drain(self._queue)
            self._thread.join(0.05)

    def _run(self, step: int) -> None:
        while not self._ended.is_set():
            try:
                self._queue.put(self._make(step))
            except Exception as error:  # noqa: BLE001 - it is raised again where the batch is taken
                self._queue.put(error)
                return
            step += 1


def _drain(queue: "Queue[Any]") -> None:
    while not queue.empty():
        queue.get_nowait()
