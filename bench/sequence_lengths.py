"""What a temporal model costs: to train on sequences of 64 to 4,096 steps, and to stream step by step.

A recurrent cell must take its steps one after the other; attention over a window and decayed sums take them at once.
Times are medians of rounds in which all models take turns, so that all meet the same load.

    python -m bench.sequence_lengths [--device cpu|cuda] [--rounds 5] [-o docs/results]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.gru import GruMemory
from pipeline.models.temporal.lstm import LstmMemory
from pipeline.models.temporal.multiscale import MultiscaleMemory
from pipeline.models.temporal.ring_attention import RingAttention
from pipeline.training.record import commit

LENGTHS = (64, 256, 1024, 4096)
BATCH, FEATURES, LOGITS, WIDTH = 4, 192, 8, 128
MODELS: dict[str, Callable[[], TemporalModel]] = {
    "GRU": lambda: GruMemory(FEATURES, LOGITS, WIDTH, WIDTH),
    "LSTM": lambda: LstmMemory(FEATURES, LOGITS, WIDTH, WIDTH),
    "ring attention, 64 steps": lambda: RingAttention(FEATURES, LOGITS, WIDTH, heads=4, steps=64),
    "decayed sums": lambda: MultiscaleMemory(FEATURES, LOGITS, WIDTH, 4, 16, 32, [4.0, 20.0, 90.0, 600.0, 3600.0], 0.8),
}


def train_once(model: TemporalModel, steps: int) -> None:
    """Forward and backward of a batch of sequences."""
    device = next(model.parameters()).device
    x, gaps = torch.randn(BATCH, steps, FEATURES, device=device), torch.zeros(BATCH, steps, device=device)
    logits, _ = model(x, gaps, model.initial_state(BATCH))
    logits.square().mean().backward()


@torch.inference_mode()
def stream_once(model: TemporalModel, streams: int) -> None:
    """One step of each stream."""
    device = next(model.parameters()).device
    x, gaps = torch.randn(streams, FEATURES, device=device), torch.zeros(streams, device=device)
    model.step(x, gaps, model.initial_state(streams))


def milliseconds(device: str, work: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - began_s)


def measured(device: str, rounds: int, work: Callable[[TemporalModel, int], None], sizes: tuple[int, ...]) -> dict:
    """Median milliseconds by model and size; the first round warms up and does not count."""
    models = {name: make().to(device) for name, make in MODELS.items()}
    taken: dict[str, dict[int, list[float]]] = {name: {size: [] for size in sizes} for name in models}
    for _ in range(rounds + 1):
        for size in sizes:
            for name, model in models.items():
                taken[name][size].append(milliseconds(device, lambda m=model, n=size: work(m, n)))
    return {
        name: {size: round(statistics.median(times[1:]), 3) for size, times in by.items()} for name, by in taken.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    document = {
        "device": arguments.device,
        "threads": torch.get_num_threads(),
        "batch": BATCH,
        "commit": commit(),
        "parameters": {name: sum(p.numel() for p in make().parameters()) for name, make in MODELS.items()},
        "state_bytes": {name: 4 * make().state_size for name, make in MODELS.items()},
        "training_ms": measured(arguments.device, arguments.rounds, train_once, LENGTHS),
        "streaming_ms": measured(arguments.device, 20 * arguments.rounds, stream_once, (1, 16, 256)),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"sequence_lengths_{arguments.device}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    main()
