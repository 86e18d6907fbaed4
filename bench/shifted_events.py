"""2D against 3D convolution: is an event recognised at a time at which training never showed it?

A blob on a still background jumps to the left or to the right, once in a clip. Training shows jumps in the
first half of the clip, the test in the second. A 3D net's filters slide over time, so an event that comes later gives
the same features later; a net of early fusion has one weight for every frame, so it would need other filters.

    python -m bench.shifted_events [--steps 400] [--seeds 3] [-o docs/results]
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pipeline.models.build import build
from pipeline.models.card import LabelSet, ModelCard
from pipeline.models.ladder import architectures
from pipeline.training.classifier import Classifier, Taught, train_classifier
from pipeline.training.recipe import Stage
from pipeline.training.record import commit
from pipeline.training.run import Run
from pipeline.training.train_classifier import MEAN, STD

MODELS = ("early-fusion-micro", "late-fusion-micro", "slow-fusion-micro", "c3d-micro", "shift-micro")
SIDE, FRAMES, JUMP_PX = 64, 16, 9
EARLY, LATE = range(2, 7), range(9, 14)


class Jumps:
    """Clips whose blob jumps at one of `times`; class 0 is to the left.

    Args:
        count: clips in `plain`.
    """

    def __init__(self, times: range, count: int = 256) -> None:
        self._times, self._count = times, count

    def varied(self, batch: int, seed: tuple[int, ...]) -> Taught:
        rng = np.random.default_rng(seed)
        classes = rng.integers(0, 2, batch)
        clips = [_clip(int(one), int(rng.choice(self._times)), rng) for one in classes]
        return Taught(torch.from_numpy(np.stack(clips)), torch.from_numpy(classes))

    def plain(self) -> Iterator[Taught]:
        for number in range(self._count // 32):
            yield self.varied(32, (7, number))


def _clip(right: int, time: int, rng: np.random.Generator) -> np.ndarray:
    """T×3×H×W float32: a blob of its own size and brightness on noise that does not move."""
    x, y = np.full((FRAMES, 1), rng.uniform(20, SIDE - 20)), rng.uniform(20, SIDE - 20)
    x[time:] += JUMP_PX if right else -JUMP_PX
    grid = np.arange(SIDE)
    radius, light = rng.uniform(3, 6), rng.choice([-2.0, 2.0])
    across, down = ((grid - x) / radius) ** 2, ((grid - y) / radius) ** 2
    blob = np.exp(-across[:, None] - down[:, None])
    clip = rng.normal(0, 0.3, (1, 3, SIDE, SIDE)) + light * blob[:, None] + rng.normal(0, 0.05, (FRAMES, 3, SIDE, SIDE))
    return clip.astype(np.float32)


def judged(name: str, stage: Stage, seed: int) -> dict[str, float]:
    """Accuracy at the times of training and at later ones."""
    blueprint = architectures()[name][1]
    card = ModelCard(
        name, blueprint.encoder, blueprint.temporal, blueprint.clip, MEAN, STD,
        (LabelSet("jump", "exclusive", ("left", "right")),), {}, {},
    )  # fmt: skip
    torch.manual_seed(seed)
    model = build(card)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(seed, Path(folder), Path(folder), torch.get_num_threads(), lambda line: None)
        train_classifier(model, (Jumps(EARLY), Jumps(EARLY)), stage, run, float("inf"))
    net = Classifier(model, "cpu").eval()
    return {when: accuracy(net, times) for when, times in (("seen times", EARLY), ("unseen times", LATE))}


@torch.inference_mode()
def accuracy(net: Classifier, times: range) -> float:
    right = [(net(part.pixels)[:, 1:].argmax(1) == part.targets).float().mean() for part in Jumps(times).plain()]
    return float(torch.stack(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    stage = Stage(arguments.steps, 32, 2e-3, 0.05, 0.0, 0.0, max(1, arguments.steps // 4))
    found: dict[str, list[dict[str, float]]] = {}
    for name in MODELS:
        found[name] = [judged(name, stage, seed) for seed in range(arguments.seeds)]
        print(name, found[name], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    document = {"steps": arguments.steps, "batch": stage.batch, "commit": commit(), "accuracy": found}
    (arguments.out / "shifted_events.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
