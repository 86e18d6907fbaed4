"""Is the synthetic scene hard enough? Macro recall of two classifiers that cannot see motion, on held-out seeds.

A colour-histogram classifier must stay ≤ 0.30 and a convolutional network on single, shuffled frames ≤ 0.65 over the
eight actions (one-person scenes, frames in which exactly one action holds).

    python bench/hardness.py [--frames 8000] [--scenes 320] [--heldout-scenes 80] [--epochs 12] [--cache FILE.npz]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.synthetic import ACTIONS, Scene, SceneSpec

SIZE = 112
HISTOGRAM_LIMIT = 0.30
FRAME_LIMIT = 0.65
FIRST_TRAIN_SEED = 20_000

Frames = tuple[NDArray[np.uint8], NDArray[np.int64]]


def collect(seeds: range, wanted: int, rng: np.random.Generator) -> Frames:
    """Render about `wanted` frames in which exactly one action holds, from all seeds, balanced over the actions."""
    per_scene = max(1, round(wanted / len(seeds) / len(ACTIONS)))
    images, targets = [], []
    for seed in seeds:
        scene = Scene(SceneSpec(seed))
        times = np.arange(0.1, scene.spec.duration_s, 0.2)
        labels = scene.labels(times)
        for action in range(len(ACTIONS)):
            alone = np.flatnonzero(labels[:, action] & (labels.sum(axis=1) == 1))
            for index in rng.permutation(alone)[:per_scene]:
                images.append(scene.render(float(times[index]), SIZE, SIZE))
                targets.append(action)
    return np.stack(images), np.array(targets)


def macro_recall(predicted: NDArray[np.int64], target: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
    recalls = np.array([(predicted[target == a] == a).mean() for a in range(len(ACTIONS))])
    return float(recalls.mean()), recalls


def histograms(images: NDArray[np.uint8]) -> torch.Tensor:
    """Return square roots of 8×8×8 colour histograms (N × 512), scaled to about unit variance."""
    counts = [cv2.calcHist([image], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel() for image in images]
    return torch.from_numpy(np.sqrt(np.stack(counts) / (SIZE * SIZE)) * 20).float()


class FrameCnn(nn.Module):
    """A plain convolutional network on one 112×112 frame: six convolutions, 0.7 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, 24, 5, 2, 2, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        for before, after, stride in ((24, 48, 1), (48, 96, 2), (96, 96, 1), (96, 160, 2), (160, 160, 1)):
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(160 * 49, len(ACTIONS)))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.features(frames))
        return out


def train(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, epochs: int, rate: float, flip: bool) -> None:
    """Train on shuffled inputs with AdamW and a one-cycle rate."""
    batch = 64
    steps = epochs * -(-len(inputs) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for index in torch.randperm(len(inputs)).split(batch):
            chosen = prepare(inputs[index])
            if flip and epoch % 2:
                chosen = chosen.flip(-1)
            loss = loss_of(model(chosen), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(index)
        print(f"  epoch {epoch + 1}/{epochs}: loss {total / len(inputs):.3f}", flush=True)


def prepare(inputs: torch.Tensor) -> torch.Tensor:
    """Scale pictures (N × H × W × 3 uint8) to about ±1, channels first; leave vectors as they are."""
    if inputs.dtype != torch.uint8:
        return inputs
    return (inputs.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def predict(model: nn.Module, inputs: torch.Tensor) -> NDArray[np.int64]:
    model.eval()
    return np.concatenate([model(prepare(part)).argmax(dim=1).numpy() for part in inputs.split(256)])


def gather(arguments: argparse.Namespace) -> tuple[Frames, Frames]:
    cache: Path | None = arguments.cache
    if cache is not None and cache.exists():
        saved = np.load(cache)
        return (saved["a"], saved["b"]), (saved["c"], saved["d"])
    rng = np.random.default_rng(1)
    seeds = range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + arguments.scenes)
    training = collect(seeds, arguments.frames, rng)
    heldout = collect(range(arguments.heldout_scenes), arguments.frames, rng)
    if cache is not None:
        np.savez(cache, a=training[0], b=training[1], c=heldout[0], d=heldout[1])
    return training, heldout


def report(name: str, limit: float, predicted: NDArray[np.int64], target: NDArray[np.int64]) -> bool:
    recall, recalls = macro_recall(predicted, target)
    each = "  ".join(f"{action} {value:.2f}" for action, value in zip(ACTIONS, recalls, strict=True))
    print(f"{name}: macro recall {recall:.3f} (limit {limit:.2f})\n  {each}", flush=True)
    return recall <= limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=8000)
    parser.add_argument("--scenes", type=int, default=320)
    parser.add_argument("--heldout-scenes", type=int, default=80)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--cache", type=Path, help="keep the rendered frames here")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    (images, targets), (heldout, heldout_targets) = gather(arguments)
    print(f"{len(images)} frames to train on, {len(heldout)} held-out; per action {np.bincount(heldout_targets)}")
    labels = torch.from_numpy(targets)
    linear = nn.Sequential(nn.Linear(512, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, len(ACTIONS)))
    train(linear, histograms(images), labels, arguments.epochs, 2e-3, flip=False)
    easy = report("colour histogram", HISTOGRAM_LIMIT, predict(linear, histograms(heldout)), heldout_targets)
    network = FrameCnn().to(memory_format=torch.channels_last)
    train(network, torch.from_numpy(images), labels, arguments.epochs, 2e-3, flip=True)
    frame = predict(network, torch.from_numpy(heldout))
    return 0 if report("single-frame network", FRAME_LIMIT, frame, heldout_targets) and easy else 1


if __name__ == "__main__":
    raise SystemExit(main())
