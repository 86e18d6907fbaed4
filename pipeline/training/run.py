"""What every part of a training run needs to know."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.training.footage import Log


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    Attributes:
        seed: of weights, order and variation.
        folder: for the run's own checkpoints; a run started again in the same folder goes on.
        cache: for footage, which several runs may share.
        threads: of torch, and processes that film.
        device: that computes: `cpu` or `cuda`.
    """

    seed: int
    folder: Path
    cache: Path
    threads: int
    log: Log
    device: Literal["cpu", "cuda"] = "cpu"
