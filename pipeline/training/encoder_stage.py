"""First stage: the encoder learns from short clips, every frame of which is told what holds in it."""

from contextlib import closing

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from pipeline.errors import UsageError
from pipeline.models.build import StreamModel
from pipeline.models.encoders.shift_cnn import ShiftCnn
from pipeline.training.clips import Ahead, ClipBatch, ClipSource
from pipeline.training.footage import Footage
from pipeline.training.loop import Loop, Progress, Task
from pipeline.training.recipe import Recipe
from pipeline.training.run import Run

_VALIDATION_CLIPS = 384
_VALIDATION_BATCH = 32


class DenselyTaught(nn.Module):
    """An encoder with two linear heads that only training needs: one for its frames, one for the whole clip.

    Raises:
        UsageError: the encoder has no features of frames.
    """

    def __init__(self, model: StreamModel) -> None:
        super().__init__()
        if not isinstance(model.encoder, ShiftCnn):
            raise UsageError(f"a recipe teaches frames, which {model.card.encoder.name} has no features of")
        self.encoder, labels = model.encoder, len(model.card.labels)
        self.frame_head = nn.Linear(self.encoder.frame_size, labels)
        self.clip_head = nn.Sequential(nn.Dropout(0.2), nn.Linear(self.encoder.feature_size, labels))

    def forward(self, clips_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
        """B×T×C logits of the frames and B×C of what the clip answers for."""
        frames = self.encoder.frame_features(clips_BTCHW)
        return self.frame_head(frames), self.clip_head(self.encoder.clip_features(frames))


def train_encoder(
    model: StreamModel, footage: tuple[Footage, Footage], recipe: Recipe, run: Run, budget_s: float
) -> Progress:
    """Train `model.encoder` in place on the first footage; the second chooses the best of its weights."""
    stage = recipe.encoder_stage
    source, unseen = (ClipSource(part, recipe.clip, recipe.mean, recipe.std) for part in footage)
    net = DenselyTaught(model).to(memory_format=torch.channels_last)
    starts = np.split(unseen.spread(_VALIDATION_CLIPS), _VALIDATION_CLIPS // _VALIDATION_BATCH)

    def validate() -> float:
        losses = [_loss(net, unseen.plain(part), recipe, smoothing=0.0) for part in starts]
        return float(torch.stack(losses).mean())

    def loss(step: int) -> Tensor:
        return _loss(net, ahead.take(step), recipe, stage.label_smoothing)

    loop = Loop(Task("encoder", net, stage, loss, validate), budget_s, run)

    def batch(step: int) -> ClipBatch:
        return source.varied(stage.batch, recipe.view(loop.share(step)), (run.seed, 1, step))

    with closing(Ahead(batch, loop.progress.step)) as ahead:
        return loop.run()


def _loss(net: DenselyTaught, batch: ClipBatch, recipe: Recipe, smoothing: float) -> Tensor:
    frame_logits, clip_logits = net(batch.pixels)
    truth = batch.truth * (1 - smoothing) + 0.5 * smoothing
    clip_truth = truth[:, -recipe.clip.stride :].mean(1)
    of_frames = binary_cross_entropy_with_logits(frame_logits, truth)
    return of_frames + binary_cross_entropy_with_logits(clip_logits, clip_truth)
