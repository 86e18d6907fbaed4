"""The clips of one epoch: a window of T kept frames that moves on by `stride`."""

import hashlib
from collections import deque

import numpy as np

from pipeline.clip.sampler import Sample
from pipeline.clip.start import StartPoint
from pipeline.values import Clip, ClipSpec, DecodedFrame, UInt8Array


def digest(pixels: UInt8Array) -> bytes:
    """Return the 16-byte BLAKE2b of the pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()


class Window:
    """Cuts one epoch's samples into clips; step n sees the ordinals n·stride … n·stride+T−1.

    Clip n answers for its newest `stride` grid points, clip 0 for all it sees; every boundary is computed by one
    expression, so that the end of a clip is the very float the next one starts with.

    Args:
        stream: name of the stream.
        start: first step that shall come out, and the newest grid point that has its answer already.
    """

    def __init__(self, stream: str, spec: ClipSpec, start: StartPoint) -> None:
        self._stream = stream
        self._spec = spec
        self._epoch = start.epoch
        self._origin_s = start.origin_s
        self._step = start.step
        self._answered = start.ordinal
        self._images: deque[UInt8Array] = deque(maxlen=spec.frames)
        self._newest: DecodedFrame | None = None
        self._ordinal = -1

    @property
    def first_ordinal(self) -> int:
        """The first grid point the next clip sees."""
        return self._step * self._spec.stride

    def push(self, sample: Sample) -> UInt8Array:
        """Add the next grid point and return its pixels; a frame that stands for several is converted once."""
        if sample.frame is not self._newest:
            self._newest = sample.frame
            image = sample.frame.picture.rgb(self._spec.height, self._spec.width)
        else:
            image = self._images[-1]
        self._images.append(image)
        self._ordinal = sample.ordinal
        return image

    def cut(self, end_s: float) -> Clip | None:
        """Return the next clip if all its frames are there; `end_s` as for `rest`, infinite while it is unknown."""
        if self._ordinal < self.first_ordinal + self._spec.frames - 1:
            return None
        return self._clip(self._spec.frames, end_s)

    def rest(self, end_s: float) -> Clip | None:
        """Return the epoch's last clip, its last frame repeated, if any grid point lacks an answer.

        Args:
            end_s: timeline seconds at which the epoch's media ends.
        """
        if self._ordinal <= self._answered:
            return None
        return self._clip(self._ordinal - self.first_ordinal + 1, end_s)

    def boundary_s(self, ordinal: int) -> float:
        """Return the timeline seconds of a grid point."""
        return self._origin_s + ordinal / self._spec.fps

    def _clip(self, valid_frames: int, end_s: float) -> Clip:
        images = list(self._images)[-valid_frames:]
        assert len(images) == valid_frames, (len(images), valid_frames)
        images += images[-1:] * (self._spec.frames - valid_frames)
        clip = Clip(
            stream=self._stream,
            epoch=self._epoch,
            step=self._step,
            start_s=self.boundary_s(self._answered + 1),
            end_s=min(end_s, self.boundary_s(self._ordinal + 1)),
            frames=np.stack(images),
            valid_frames=valid_frames,
            discontinuity=self._epoch > 0 and self._step == 0,
            ordinal=self._ordinal,
            pts_s=self._ordinal / self._spec.fps,
            digest=digest(images[-1]),
            origin_s=self._origin_s,
        )
        self._answered = self._ordinal
        self._step += 1
        return clip
