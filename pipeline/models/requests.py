"""What a lane asks a model worker, and what it gets back: numpy values, free of torch."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.values import ClipSpec, EncoderInput, Float32Array, FramesWithMotion


def black_clip(spec: ClipSpec) -> EncoderInput:
    """A clip on which there is nothing, for those who ask how long an answer takes."""
    frames, motion = np.zeros((spec.frames, spec.height, spec.width, 3), np.uint8), spec.motion
    if motion is None:
        return frames
    return FramesWithMotion(frames, np.zeros((motion.pairs, 2, motion.height, motion.width), np.float16))


@dataclass(frozen=True, slots=True)
class RememberRequest:
    """`n` consecutive steps of one stream.

    Attributes:
        features: n×D float32, as `encode` returned them.
        gaps_s: n float32, seconds lost just before each step (0 where nothing was).
        state: S float32 that the stream's last answer carried, or None before its first step.
    """

    features: Float32Array = field(repr=False)
    gaps_s: Float32Array
    state: Float32Array | None = field(repr=False)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.gaps_s.shape != self.features.shape[:1]:
            raise ValueError(f"want n×D features and n gaps, got {self.features.shape} and {self.gaps_s.shape}")
        if not bool(np.all(self.gaps_s >= 0)):
            raise ValueError("gaps_s must be ≥ 0 seconds")


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer to a `RememberRequest`.

    Attributes:
        probs: n×C float32 in [0, 1].
        state: S float32 after the last of the n steps.
    """

    probs: Float32Array = field(repr=False)
    state: Float32Array = field(repr=False)
