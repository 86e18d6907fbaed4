"""Values that cross borders: frozen, validated when made, units in their names, never a bare dict."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

UInt8Array: TypeAlias = NDArray[np.uint8]
Float16Array: TypeAlias = NDArray[np.float16]
Float32Array: TypeAlias = NDArray[np.float32]
Origin: TypeAlias = Literal["live", "backfill"]
WhoseClock: TypeAlias = Literal["camera", "arrival"]
"""Whose wall clock a live stream goes by: the camera's own (RTCP sender reports), or ours when its frames arrive."""


class GapReason(StrEnum):
    """Why a stretch of time has no answer."""

    CAMERA_DOWN = "camera_down"
    STALLED = "stalled"
    DROPPED = "dropped"
    CORRUPT = "corrupt"
    PAUSED = "paused"
    RESTART = "restart"
    CLOCK = "clock"
    STORE_DOWN = "store_down"
    NO_MODEL = "no_model"
    UNKNOWN = "unknown"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _require_span(start_s: float, end_s: float) -> None:
    if not (isfinite(start_s) and isfinite(end_s)):
        raise ValueError(f"times must be finite, got [{start_s}, {end_s}]")
    if start_s > end_s:
        raise ValueError(f"a span must not end before it starts, got [{start_s}, {end_s}]")


@dataclass(frozen=True, slots=True)
class Scaling:
    """Scale a picture, then cut its middle out; without one the whole picture is scaled to the clip's size.

    Attributes:
        height, width: to scale to; with a `width` of None the shorter side becomes `height`, and the shape is kept.
        exact: scaled as torchvision's video transforms do (bilinear, no antialias, from all pixels), not by the
            decoder's scaler, which is faster and softer.
    """

    height: int
    width: int | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        _require(min(self.height, self.width or self.height) >= 8, f"cannot scale to {self.height}×{self.width}")


class Picture(Protocol):
    """Pixels that have not been converted yet."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the whole view as it was filmed, upright."""

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        """Return height×width×3 uint8, contiguous and upright: the whole view, or what `scaling` leaves of it."""

    def vectors(self, height: int, width: int) -> Float16Array:
        """Return the motion an encoder noted since the frame before: 2×height×width, (x, y) pixels of that size.

        Raises:
            SourceError: it noted none.
        """


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame as it leaves the decoder; its pixels are converted only if it is kept.

    Attributes:
        epoch: number of the stretch of source time this frame lies in, from 0.
        pts_s: media seconds since that epoch's first frame; never decreases within an epoch.
        duration_s: how long the frame is shown (> 0, estimated where the source is silent).
        wall_s: unix seconds when the source knows them, else None.
        corrupt: the decoder reported damage.
        skipped_s: on the first frame of an epoch, media seconds missing before it (0 when time ran backwards).
        skip_reason: why, where `skipped_s` > 0.
        picture: the pixels.
    """

    epoch: int
    pts_s: float
    duration_s: float
    wall_s: float | None
    corrupt: bool
    picture: Picture = field(repr=False)
    skipped_s: float = 0.0
    skip_reason: GapReason = GapReason.UNKNOWN


@dataclass(frozen=True, slots=True)
class MotionSpec:
    """Which motion a model wants beside the pictures: that of the last `pairs` pairs of adjacent native frames.

    Attributes:
        pairs: L, how many.
        height, width: of the field, which shows the whole view; displacements are pixels of this size.
        method: `dis` (dense inverse search), `raft` (a network; needs torch and its weights) or `vectors` (what an
            H.264 encoder noted; no search, but blocks of 8×8 pixels or more).
    """

    pairs: int = 10
    height: int = 112
    width: int = 112
    method: Literal["dis", "raft", "vectors"] = "dis"

    def __post_init__(self) -> None:
        _require(self.pairs >= 1, f"motion wants one pair of frames or more, got {self.pairs}")
        _require(min(self.height, self.width) >= 16, f"motion must be at least 16×16, got {self.height}×{self.width}")
        _require(self.method in ("dis", "raft", "vectors"), f"motion is dis, raft or vectors, got {self.method!r}")

    @property
    def looked_at(self) -> tuple[int, int]:
        """Height and width of the pictures it is found in; RAFT takes sides of at least 128 pixels, by eights."""
        if self.method != "raft":
            return self.height, self.width
        return max(128, -(-self.height // 8) * 8), max(128, -(-self.width // 8) * 8)


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What a model wants to see: T frames of H×W at `fps`, a new clip every `stride` frames; and motion, if it asks."""

    frames: int = 16
    height: int = 112
    width: int = 112
    fps: float = 5.0
    stride: int = 4
    scaling: Scaling | None = None
    motion: MotionSpec | None = None

    def __post_init__(self) -> None:
        _require(1 <= self.stride <= self.frames, f"stride must be 1…{self.frames}, got {self.stride}")
        _require(min(self.height, self.width) >= 8, f"pictures must be at least 8×8, got {self.height}×{self.width}")
        _require(0 < self.fps <= 240, f"fps must lie in (0, 240], got {self.fps}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One kept picture of a stream.

    Attributes:
        pts_s: media seconds since the stream's epoch began; never decreases within an epoch.
        wall_s: unix seconds when the source knows them, else None.
        image: H×W×3 uint8, RGB.
        corrupt: the decoder reported damage in this frame.
    """

    pts_s: float
    wall_s: float | None
    image: UInt8Array = field(repr=False)
    corrupt: bool = False

    def __post_init__(self) -> None:
        _require(self.image.ndim == 3 and self.image.shape[2] == 3, f"image must be H×W×3, got {self.image.shape}")
        _require(self.image.dtype == np.uint8, f"image must be uint8, got {self.image.dtype}")
        _require(self.pts_s >= 0, f"pts_s counts from the epoch's start, got {self.pts_s}")


@dataclass(frozen=True, slots=True)
class FramesWithMotion:
    """What an encoder that wants motion is given of a clip; the fields are those of a `Clip`."""

    frames: UInt8Array = field(repr=False)
    motion: Float16Array = field(repr=False)


EncoderInput: TypeAlias = UInt8Array | FramesWithMotion
"""What an encoder is given of a clip: its frames T×H×W×3, and their motion where the model asks for some."""


def frames_and_motion(given: EncoderInput) -> tuple[UInt8Array, Float16Array | None]:
    """The two parts of what an encoder is given; no motion where there is none."""
    return (given.frames, given.motion) if isinstance(given, FramesWithMotion) else (given, None)


@dataclass(frozen=True, slots=True)
class Clip:
    """T consecutive kept frames of one stream: what crosses from a decode process to a model worker.

    Attributes:
        stream: name of the stream.
        epoch: number of the stretch of source time, from 0.
        step: number of the clip in its epoch, from 0.
        start_s, end_s: the timeline seconds this clip *answers for* (its newest `stride` frames; all for step 0).
        frames: T×H×W×3 uint8, contiguous; where `valid_frames` < T the last frame is repeated.
        valid_frames: how many frames are real, 1…T.
        discontinuity: something was lost or skipped just before this clip.
        ordinal: number of the last real frame on the epoch's sampling grid, from 0.
        pts_s: media seconds of that frame's grid point since the epoch's start.
        digest: 16-byte BLAKE2b of that frame's pixels.
        origin_s: timeline seconds of the epoch's media time zero.
        motion: L×2×h×w float16, pixels between adjacent native frames (x, y), oldest first; the last ends with the
            newest frame. Zeros where the clip's time holds fewer. None for a model that asks for none.
    """

    stream: str
    epoch: int
    step: int
    start_s: float
    end_s: float
    frames: UInt8Array = field(repr=False)
    valid_frames: int
    discontinuity: bool
    ordinal: int
    pts_s: float
    digest: bytes = field(repr=False)
    origin_s: float = 0.0
    motion: Float16Array | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _require(self.epoch >= 0 and self.step >= 0, f"epoch and step count from 0, got {self.epoch}, {self.step}")
        _require_span(self.start_s, self.end_s)
        _require(
            self.frames.ndim == 4 and self.frames.shape[3] == 3, f"frames must be T×H×W×3, got {self.frames.shape}"
        )
        _require(self.frames.dtype == np.uint8, f"frames must be uint8, got {self.frames.dtype}")
        _require(self.frames.flags.c_contiguous, "frames must be contiguous")
        _require(1 <= self.valid_frames <= len(self.frames), f"valid_frames must be 1…T, got {self.valid_frames}")
        _require(len(self.digest) == 16, f"digest must have 16 bytes, got {len(self.digest)}")

    @property
    def encoder_input(self) -> EncoderInput:
        """What an encoder is given of it."""
        return self.frames if self.motion is None else FramesWithMotion(self.frames, self.motion)


@dataclass(frozen=True, slots=True)
class Scores:
    """The temporal model's answer for one step.

    Attributes:
        probs: C float32 in [0, 1], one per label; the store keeps them as uint8.
    """

    stream: str
    epoch: int
    step: int
    start_s: float
    end_s: float
    probs: Float32Array = field(repr=False)

    def __post_init__(self) -> None:
        _require_span(self.start_s, self.end_s)
        _require(self.probs.ndim == 1, f"probs must be a vector, got {self.probs.shape}")
        _require(bool(np.all((self.probs >= 0) & (self.probs <= 1))), "probs must lie in [0, 1]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of time during which a label holds.

    Attributes:
        id: hash of stream, model fingerprint, origin, epoch, label and opening step: equal after any resume.
        start, end: timeline seconds; `end` is None while the segment is open.
        score, peak: mean and maximum probability, 0…1.
        model: fingerprint of the model that saw it.
        origin: seen live (or in a recording's own run), or filled in from a recording later.
    """

    id: str
    stream: str
    epoch: int
    label: str
    start: float
    end: float | None
    score: float
    peak: float
    model: str
    origin: Origin = "live"

    def __post_init__(self) -> None:
        _require_span(self.start, self.start if self.end is None else self.end)
        _require(
            0 <= self.score <= 1 and 0 <= self.peak <= 1, f"score and peak lie in [0, 1]: {self.score}, {self.peak}"
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """One stretch of time that has no answer, and why.

    Attributes:
        start, end: timeline seconds.
        filled: nobody watched it live, but a recording was asked later what happened in it.
    """

    stream: str
    start: float
    end: float
    reason: GapReason
    filled: bool = False

    def __post_init__(self) -> None:
        _require_span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a lane needs to go on as if it had never stopped.

    Attributes:
        epoch, step: the last committed step; step is -1 when the epoch has none yet.
        origin_s: timeline seconds of the epoch's media time zero.
        ordinal, pts_s, digest: grid number, media seconds and digest of the last kept frame (-1, 0.0, zeros: none).
        until_s: timeline seconds up to which answers and gaps tile the time watched.
        answered_s: timeline seconds at which the last answer ends; the time since is an input of the next step.
        temporal_state: what the temporal model remembers: float32 vector.
        segmenter_state: what the segmenter remembers, in its own codec.
        pending_gap: a gap that is still growing, or None.
        numerics: digest of the numerics profile that computed the state.
        model: fingerprint of the model.
        source: redacted URI the stream was read from.
        finished: the source ended and everything is committed.
    """

    stream: str
    epoch: int
    step: int
    origin_s: float
    ordinal: int
    pts_s: float
    digest: bytes
    until_s: float
    answered_s: float
    temporal_state: Float32Array = field(repr=False)
    segmenter_state: bytes = field(repr=False)
    pending_gap: Gap | None
    numerics: str
    model: str
    source: str
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic change of a stream's timeline: it covers the steps `first_step`…`last_step` of `epoch`.

    Attributes:
        opened: segments that began in these steps (in their state at the end of the commit).
        still_open: every segment that is open after the commit; replaces the stored open ones.
        closed: segments that became final; they never change again.
        gaps, scores: what these steps add.
        checkpoint: the state after `last_step`; written in the same step.
    """

    stream: str
    epoch: int
    first_step: int
    last_step: int
    opened: tuple[Segment, ...]
    still_open: tuple[Segment, ...]
    closed: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    scores: tuple[Scores, ...]
    checkpoint: Checkpoint

    def __post_init__(self) -> None:
        _require(
            (self.epoch, self.last_step) == (self.checkpoint.epoch, self.checkpoint.step),
            "a commit's checkpoint must stand at its last step",
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a stream's timeline holds in a range: `segments` by start, `gaps` by start.

    Attributes:
        model: fingerprint of the last model.
        duration: timeline seconds watched so far, from the first answer to the last.
    """

    stream: str
    model: str
    duration: float
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
