"""Encoder and temporal model as one classifier of single clips, trained end to end."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from pipeline.errors import TrainingFailed
from pipeline.models.build import StreamModel
from pipeline.models.card import ModelCard
from pipeline.models.encoders.parts import channels_last
from pipeline.models.profile import detect_numerics
from pipeline.models.temporal.stream_fusion import StreamFusion
from pipeline.training.augment import vary_input
from pipeline.training.clips import Ahead, normalised
from pipeline.training.data.pictures import Pictures
from pipeline.training.loop import Loop, Progress, Task
from pipeline.training.recipe import Stage
from pipeline.training.run import Run
from pipeline.values import EncoderInput, Float16Array, FramesWithMotion, UInt8Array, frames_and_motion

_VALIDATION_BATCH = 16
_VALIDATION_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Taught:
    """B clips and what they show.

    Attributes:
        pixels: B×T×3×H×W float32, normalised.
        targets: B int64 classes of an exclusive label set, or B×C float32 shares of independent labels.
        motion: B×L×2×h×w float32, for a model that asks for motion.
    """

    pixels: Tensor
    targets: Tensor
    motion: Tensor | None = None

    def first(self, count: int) -> "Taught":
        """So many of them."""
        motion = None if self.motion is None else self.motion[:count]
        return Taught(self.pixels[:count], self.targets[:count], motion)


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
        return self._taught([vary_input(self._drawn(one, rng), rng, self._mirror) for one in drawn], drawn)

    def plain(self) -> Iterator[Taught]:
        shown, frames = self._pictures.shown, self._card.clip.frames
        pairs = (
            (clip, one)
            for one in range(len(shown))
            for clip in windows(shown[one], frames, _VALIDATION_WINDOWS, self._pictures.motion(one))
        )
        while batch := list(islice(pairs, _VALIDATION_BATCH)):
            clips, examples = zip(*batch, strict=True)
            yield self._taught(list(clips), list(examples))

    def _drawn(self, example: int, rng: np.random.Generator) -> EncoderInput:
        shown, frames = self._pictures.shown[example], self._card.clip.frames
        start = int(rng.integers(max(1, len(shown) - frames + 1)))
        return window(shown, start, frames, self._pictures.motion(example))

    def _taught(self, clips: list[EncoderInput], examples: list[int]) -> Taught:
        pixels = normalised(np.stack([frames_and_motion(clip)[0] for clip in clips]), self._card.mean, self._card.std)
        motions = [clip.motion for clip in clips if isinstance(clip, FramesWithMotion)]
        targets = torch.tensor([self._pictures.classes[one] for one in examples])
        return Taught(pixels, targets, torch.from_numpy(np.stack(motions)).float() if motions else None)


def window(shown_NHWC: UInt8Array, start: int, frames: int, motion_N: Float16Array | None = None) -> EncoderInput:
    """T×H×W×3 pictures from `start` on; where the example is shorter its last picture is repeated.

    Args:
        motion_N: of each picture; the clip gets its last picture's.
    """
    picked = np.minimum(np.arange(start, start + frames), len(shown_NHWC) - 1)
    clip = np.ascontiguousarray(shown_NHWC[picked])
    return clip if motion_N is None else FramesWithMotion(clip, np.array(motion_N[picked[-1]]))


def windows(
    shown_NHWC: UInt8Array, frames: int, count: int, motion_N: Float16Array | None = None
) -> Iterator[EncoderInput]:
    """Up to `count` different clips, spread evenly over an example; see `window`."""
    starts = np.linspace(0, max(0, len(shown_NHWC) - frames), count).round().astype(int)
    for start in np.unique(starts):
        yield window(shown_NHWC, int(start), frames, motion_N)


class Classifier(nn.Module):
    """A model that is asked about one clip at a time and remembers none."""

    def __init__(self, model: StreamModel, device: Literal["cpu", "cuda"]) -> None:
        super().__init__()
        self.encoder, self.temporal = model.encoder.to(device), model.temporal.to(device)
        channels_last(self)
        self._device, self._fast = device, detect_numerics(device).dtype == "bfloat16"

    def forward(self, clips_BTCHW: Tensor, motion_BL2HW: Tensor | None = None) -> Tensor:
        """B×H×K logits of H heads, each of which learns: one, or each stream's before their fusion.

        The encoder computes in bfloat16 where the hardware is fast at it.
        """
        given = [one.to(self._device) for one in (clips_BTCHW, motion_BL2HW) if one is not None]
        with torch.autocast(self._device, torch.bfloat16, enabled=self._fast):
            features: Tensor = self.encoder(*given).float()
        if isinstance(self.temporal, StreamFusion):
            return self.temporal.stream_logits(features)
        batch = len(features)
        logits, _ = self.temporal.step(features, features.new_zeros(batch), self.temporal.initial_state(batch))
        return logits[:, None]


def train_classifier(
    model: StreamModel, examples: tuple[Examples, Examples], stage: Stage, run: Run, budget_s: float
) -> Progress:
    """Train the model in place on the first examples; the others choose the best of its weights.

    Two streams learn from the sum of their losses: they share no weights, so it is as if each learned alone, save that
    their gradients are clipped together and one step is the best of both. (That of the fused answer would couple them.)

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
    logits_BHK = net(taught.pixels, taught.motion)
    targets = taught.targets.to(logits_BHK.device)
    return torch.stack([_head_loss(logits, targets, smoothing) for logits in logits_BHK.unbind(1)]).sum()


def _head_loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
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
            _loss(net, taught.first(size), 0.0).backward()  # type: ignore[no-untyped-call]
        except RuntimeError as again:
            if not _is_lack_of_memory(again):
                return again
        else:
            return TrainingFailed(f"{whole} clips at once do not fit into memory; {size} do: --batch {size}")
    return TrainingFailed("not even one clip fits into memory: take a smaller size of the model")


def _is_lack_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
