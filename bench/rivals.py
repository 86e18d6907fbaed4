"""What one would write instead: a plain loop, and a tuned one. Same weights, same clip grid, no timeline at the end.

The plain loop is what tutorials show. The tuned one is what a good engineer makes of it in an afternoon: decoding in a
thread of its own with FFmpeg's frame threads, the scaler only for the frames that are kept, batch norms folded,
channels last, batches, bf16 where the processor is fast at it, and the best of several thread and batch settings.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter

from bench.task import FPS, ClipDigest, Result, Task
from pipeline.models.build import load_model, probabilities
from pipeline.models.profile import detect_numerics
from pipeline.values import ClipSpec, Float32Array, UInt8Array

# The flags cost nothing here and give longtake's very pixels.
METHOD = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


class Net:
    """The model as a plain torch module; remembers one stream."""

    def __init__(self, directory: str, tuned: bool) -> None:
        model, numerics = load_model(Path(directory)), detect_numerics()
        self.spec: ClipSpec = model.card.clip
        self._sets = model.card.label_sets
        self._dtype = getattr(torch, numerics.dtype) if tuned else torch.float32
        self._device = numerics.device_kind
        if tuned:
            model.encoder.fold()
            model.encoder.to(memory_format=torch.channels_last)
        self._encoder = model.encoder.to(self._device, self._dtype).eval()
        self._temporal = model.temporal.to(self._device).eval()
        row = self.spec.width  # a whole row of pixels at once: broadcasting over three channels is slow
        self._scale = (1 / (255 * torch.tensor(model.card.std))).repeat(row).to(self._device)
        self._offset = (-torch.tensor(model.card.mean) / torch.tensor(model.card.std)).repeat(row).to(self._device)
        self.forget()

    def forget(self) -> None:
        self._state = self._temporal.initial_state(1)

    @torch.inference_mode()
    def probs(self, clips: list[UInt8Array]) -> Float32Array:
        """Probabilities N×C of the next N clips of the stream."""
        pixels = torch.from_numpy(np.stack(clips)).to(self._device)
        rows = torch.addcmul(self._offset, pixels.flatten(-2).float(), self._scale)
        x = rows.view(pixels.shape).permute(0, 1, 4, 2, 3).to(self._dtype)
        answers, no_gap = [], torch.zeros(1, device=self._device)
        for features in self._encoder(x).float():
            logits, self._state = self._temporal.step(features[None], no_gap, self._state)
            answers.append(probabilities(logits, self._sets)[0])
        out: Float32Array = torch.stack(answers).cpu().numpy()
        return out


class Watched:
    """Counts what a rival has seen, with the proof where it is asked for."""

    def __init__(self, prove: bool = False) -> None:
        self.frames = self.clips = 0
        self.probs: list[list[float]] = []
        self._digest = ClipDigest() if prove else None

    def answered(self, clips: list[UInt8Array], probs: Float32Array) -> None:
        self.clips += len(clips)
        if self._digest:
            self.probs += probs.tolist()
            for clip in clips:
                self._digest.add(clip)

    def result(self, began_s: float) -> Result:
        digest = self._digest.hexdigest() if self._digest else ""
        return Result(self.frames, self.clips, began_s, time.time(), digest, self.probs)


def plain(task: Task) -> Result:
    """Every frame to RGB, OpenCV's resize, fp32, clip by clip, torch's own threads; one film after the other."""
    import cv2  # only this one needs it, and memory is compared

    net = Net(task.model, tuned=False)

    def watch(film: str, watched: Watched) -> None:
        net.forget()
        window: deque[UInt8Array] = deque(maxlen=net.spec.frames)
        with av.open(film) as container:
            for number, frame in enumerate(container.decode(video=0)):
                image = frame.to_ndarray(format="rgb24")
                watched.frames += 1
                if number % _every(net.spec):
                    continue
                window.append(np.asarray(cv2.resize(image, (net.spec.width, net.spec.height)), np.uint8))
                if _complete(window, number // _every(net.spec), net.spec):
                    clip = np.stack(window)
                    watched.answered([clip], net.probs([clip]))

    watch(task.warm, Watched())
    began_s, watched = time.time(), Watched(task.prove)
    for film in task.films:
        watch(film, watched)
    return watched.result(began_s)


def tuned(task: Task) -> Result:
    """Decoding threads beside batched inference; one film after the other."""
    net = Net(task.model, tuned=True)

    def watch(film: str, batch: int, watched: Watched) -> None:
        net.forget()
        for clips in _batches(_ahead(clips_of(film, net.spec, watched, threads=0), 2 * batch), batch):
            watched.answered(clips, net.probs(clips))

    def seconds(threads: int, batch: int) -> float:
        torch.set_num_threads(threads)
        began_s = time.time()
        watch(task.warm, batch, Watched())
        return time.time() - began_s

    seconds(1, 1)
    settings = list(product({1, torch.get_num_threads(), _cores()}, (1, 8)))
    threads, batch = min(settings, key=lambda setting: min(seconds(*setting), seconds(*setting)))
    torch.set_num_threads(threads)
    began_s, watched = time.time(), Watched(task.prove)
    for film in task.films:
        watch(film, batch, watched)
    result = watched.result(began_s)
    result.extra.update(threads=threads, batch=batch)
    return result


def clips_of(film: str, spec: ClipSpec, watched: Watched, threads: int) -> Iterator[UInt8Array]:
    """Decode with `threads` threads (0: FFmpeg's choice), scale what is kept, yield clips T×H×W×3."""
    scaler = VideoReformatter()
    window: deque[UInt8Array] = deque(maxlen=spec.frames)
    with av.open(film) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "NONE" if threads == 1 else "AUTO"
        for number, frame in enumerate(container.decode(stream)):
            watched.frames += 1
            if number % _every(spec):
                continue
            small = scaler.reformat(frame, spec.width, spec.height, "rgb24", interpolation=METHOD, threads=1)
            window.append(np.asarray(small.to_ndarray(), np.uint8))
            if _complete(window, number // _every(spec), spec):
                yield np.stack(window)


def _ahead(clips: Iterator[UInt8Array], most: int) -> Iterator[UInt8Array]:
    """Run an iterator in a thread of its own, at most `most` items ahead."""
    ready: queue.Queue[UInt8Array | None] = queue.Queue(most)

    def fill() -> None:
        for clip in clips:
            ready.put(clip)
        ready.put(None)

    threading.Thread(target=fill, daemon=True).start()
    while (clip := ready.get()) is not None:
        yield clip


def _batches(clips: Iterator[UInt8Array], size: int) -> Iterator[list[UInt8Array]]:
    batch: list[UInt8Array] = []
    for clip in clips:
        batch.append(clip)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _every(spec: ClipSpec) -> int:
    return round(FPS / spec.fps)


def _complete(window: deque[UInt8Array], kept: int, spec: ClipSpec) -> bool:
    return len(window) == spec.frames and (kept + 1 - spec.frames) % spec.stride == 0


def _cores() -> int:
    return os.cpu_count() or 1
