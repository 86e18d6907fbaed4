"""A model so small that a test can afford thousands of calls, with all that defines the default one."""

from pathlib import Path

import torch

from pipeline.models.build import build, save_model
from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.values import ClipSpec

MICRO_CLIP = ClipSpec(frames=8, height=16, width=16, fps=5.0, stride=2)
ACTION = LabelSet("action", "independent", ("walk", "run", "wave", "fall"))


def micro_card(clip: ClipSpec = MICRO_CLIP, label_sets: tuple[LabelSet, ...] = (ACTION,)) -> ModelCard:
    """A card for a ShiftCnn of two narrow stages and a GRU of 16."""
    return ModelCard(
        name="micro",
        encoder=Part("shift_cnn", {"widths": [8, 8, 16], "blocks": [1, 1]}),
        temporal=Part("gru", {"width": 16, "hidden": 16}),
        clip=clip,
        mean=(0.45, 0.45, 0.45),
        std=(0.25, 0.25, 0.25),
        label_sets=label_sets,
        segmenter={},
        training={"data": "none: random weights for tests"},
    )


def make_model_dir(directory: Path, seed: int = 0, card: ModelCard | None = None) -> Path:
    """Write a micro model with random weights into `directory` and return it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_model(directory, build(card or micro_card()))
    return directory
