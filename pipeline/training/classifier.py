"""Encoder and temporal model as one classifier of single clips, trained end to end."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from pipeline.errors import TrainingFailed
from pipeline.models.build import StreamModel
from pipeline.models.card import ModelCard
from pipeline.models.profile import detect_numerics
from pipeline.training.augment import vary
from pipeline.training.clips import Ahead, normalised
from pipeline.training.data.pictures import Pictures
from pipeline.training.loop import Loop, Progress, Task
from pipeline.training.recipe import Stage
from pipeline.training.run import Run
from pipeline.values import UInt8Array

_VALIDATION_BATCH = 16
_VALIDATION_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Taught:
    """B clips and what they show.

    Attributes:
        pixels: B×T×3×H×W float32, normalised.
        targets: B int64 classes of an exclusive label set, or B×C float32 shares of independent labels.
    """

    pixels: Tensor
    targets: Tensor


class Examples(Protocol):
    """Where a classifier's clips come from."""

    def varied(self, batch: int, seed: tuple[int, ...]) -> Taught:
        """B varied clips; equal seeds give equal batches."""

    def plain(self) -> Iterator[Taught]:
        """Clips spread over everything, as they are."""


class RecordedClips:
    """Clips of recorded examples, drawn so that every label gets its share.

    Args:
        mirror: see `vary`.
    """

    def __init__(self, pictures: Pictures, card: ModelCard, mirror: bool = True) -> None:
        self._pictures, self._card, self._mirror = pictures, card, mirror
        classes = np.array(pictures.classes)
        self._by_class = [np.flatnonzero(classes == one) for one in np.unique(classes)]

    def varied(self, batch: int, seed: tuple[int, ...]) -> Taught:
        rng = np.random.default_rng(seed)
        drawn = [int(rng.choice(self._by_class[int(rng.integers(len(self._by_class)))])) for _ in range(batch)]
        return self._taught([vary(self._drawn(one, rng), rng, mirror=self._mirror) for one in drawn], drawn)

    def plain(self) -> Iterator[Taught]:
        count, frames = len(self._pictures.shown), self._card.clip.frames
        pairs = [
            (clip, one)
            for one in range(count)
            for clip in windows(self._pictures.shown[one], frames, _VALIDATION_WINDOWS)
        ]
        for start in range(0, len(pairs), _VALIDATION_BATCH):
            clips, examples = zip(*pairs[start : start + _VALIDATION_BATCH], strict=True)
            yield self._taught(list(clips), list(examples))

    def _drawn(self, example: int, rng: np.random.Generator) -> UInt8Array:
        shown, frames = self._pictures.shown[example], self._card.clip.frames
        return window(shown, int(rng.integers(max(1, len(shown) - frames + 1))), frames)

    def _taught(self, clips: list[UInt8Array], examples: list[int]) -> Taught:
        pixels = normalised(np.stack(clips), self._card.mean, self._card.std)
        return Taught(pixels, torch.tensor([self._pictures.classes[one] for one in examples]))


def window(shown_NHWC: UInt8Array, start: int, frames: int) -> UInt8Array:
    """T×H×W×3 pictures from `start` on; where the example is shorter its last picture is repeated."""
    picked = np.minimum(np.arange(start, start + frames), len(shown_NHWC) - 1)
    return np.ascontiguousarray(shown_NHWC[picked])


def windows(shown_NHWC: UInt8Array, frames: int, count: int) -> Iterator[UInt8Array]:
    """Up to `count` different clips of T×H×W×3, spread evenly over an example."""
    starts = np.linspace(0, max(0, len(shown_NHWC) - frames), count).round().astype(int)
    for start in np.unique(starts):
        yield window(shown_NHWC, int(start), frames)


class Classifier(nn.Module):
    """A model that is asked about one clip at a time and remembers none."""

    def __init__(self, model: StreamModel, device: Literal["cpu", "cuda"]) -> None:
        super().__init__()
        self.encoder, self.temporal = model.encoder.to(device), model.temporal.to(device)
        self._device, self._fast = device, detect_numerics(device).dtype == "bfloat16"

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        """B×K logits; the encoder computes in bfloat16 where the hardware is fast at it."""
        batch = len(clips_BTCHW)
        with torch.autocast(clips_BTCHW.device.type, torch.bfloat16, enabled=self._fast):
            features = self.encoder(clips_BTCHW)
        logits, _ = self.temporal.step(
            features.float(), clips_BTCHW.new_zeros(batch), self.temporal.initial_state(batch)
        )
        return logits


def train_classifier(
    model: StreamModel, examples: tuple[Examples, Examples], stage: Stage, run: Run, budget_s: float
) -> Progress:
    """Train the model in place on the first examples; the others choose the best of its weights.

    Raises:
        TrainingFailed: the loss is no number any more, or a batch does not fit into memory.
    """
    net = Classifier(model, run.device)
    seen, unseen = examples

    def validate() -> float:
        parts = [(len(part.targets), _loss(net, part, smoothing=0.0)) for part in unseen.plain()]
        return float(sum(count * loss for count, loss in parts) / sum(count for count, _ in parts))

    def loss(step: int) -> Tensor:
        taught = ahead.take(step)
        try:
            return _loss(net, taught, stage.label_smoothing)
        except RuntimeError as error:
            raise _too_large(error, net, taught) from error

    loop = Loop(Task("classifier", net, stage, loss, validate), budget_s, run)
    with closing(Ahead(lambda step: seen.varied(stage.batch, (run.seed, 4, step)), loop.progress.step)) as ahead:
        return loop.run()


def _loss(net: Classifier, taught: Taught, smoothing: float) -> Tensor:
    logits = net(taught.pixels)
    targets = taught.targets.to(logits.device)
    if targets.dtype == torch.int64:  # class 0 of the logits is the background
        return cross_entropy(logits, targets + 1, label_smoothing=smoothing)
    return binary_cross_entropy_with_logits(logits, targets * (1 - smoothing) + 0.5 * smoothing)


def _too_large(error: RuntimeError, net: Classifier, taught: Taught) -> Exception:
    """What to say of an error: where memory has run out, the largest half of a half… of the batch that fits."""
    if not _is_lack_of_memory(error):
        return error
    size = whole = len(taught.targets)
    while size := size // 2:
        net.zero_grad(set_to_none=True)
        try:
            _loss(net, Taught(taught.pixels[:size], taught.targets[:size]), 0.0).backward()  # type: ignore[no-untyped-call]
        except RuntimeError as again:
            if not _is_lack_of_memory(again):
                return again
        else:
            return TrainingFailed(f"{whole} clips at once do not fit into memory; {size} do: --batch {size}")
    return TrainingFailed("not even one clip fits into memory: take a smaller size of the model")


def _is_lack_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
