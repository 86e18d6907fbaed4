"""What crosses between a lane and the temporal model."""

from dataclasses import dataclass, field
from typing import TypeAlias

from pipeline.values import Float32Array

Remembered: TypeAlias = tuple[Float32Array, Float32Array]
"""Probabilities N×C, one row per step, and the state after the last step."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the temporal model is asked: N consecutive steps of one stream.

    Attributes:
        features: N×D float32, one row per step, in order.
        gaps_s: N float32, the seconds lost just before each step.
        state: what was remembered before the first of them, or None for a stream that begins.
    """

    features: Float32Array = field(repr=False)
    gaps_s: Float32Array = field(repr=False)
    state: Float32Array | None = field(repr=False)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.gaps_s.shape != (len(self.features),):
            raise ValueError(f"features must be N×D and gaps_s N, got {self.features.shape} and {self.gaps_s.shape}")
