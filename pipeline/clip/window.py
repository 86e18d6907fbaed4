"""The clips of one epoch: a window of T kept frames that moves on by `stride`."""

import hashlib
import math
import mmap
from collections import deque

import numpy as np

from pipeline.clip.motion import MotionMethod, MotionTrack
from pipeline.clip.sampler import Sample
from pipeline.clip.start import StartPoint
from pipeline.values import Clip, ClipSpec, DecodedFrame, UInt8Array


def digest(pixels: UInt8Array) -> bytes:
    """Return the 16-byte BLAKE2b of the pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()


class Reel:
    """The newest images in one block of memory, so that overlapping clips are views of it and share their pixels.

    What a view shows never changes: images are only added, and a full block is left to its views.

    Args:
        length: how many of the newest images can be had.
        shape: of one image, H×W×3.
    """

    BLOCKS = 3  # a new block begins with a copy of the last `length` images; the longer the block, the rarer that is

    def __init__(self, length: int, shape: tuple[int, int, int]) -> None:
        self._length = length
        self._shape = (self.BLOCKS * length, *shape)
        self._block = self._new_block()
        self._count = 0

    def add(self, image: UInt8Array) -> None:
        """Add an image."""
        if self._count == len(self._block):
            block = self._new_block()
            block[: self._length] = self.newest(self._length)
            self._block, self._count = block, self._length
        self._block[self._count] = image
        self._count += 1

    def _new_block(self) -> UInt8Array:
        """Memory of its own, given back to the system with its last view; a heap would keep the holes between them."""
        return np.ndarray(self._shape, np.uint8, buffer=mmap.mmap(-1, math.prod(self._shape)))

    def newest(self, count: int) -> UInt8Array:
        """A view of the newest `count` images, oldest first; contiguous.

        Raises:
            ValueError: there are not that many.
        """
        if not 0 < count <= min(self._count, self._length):
            raise ValueError(f"{count} images asked for; there are {min(self._count, self._length)}")
        return self._block[self._count - count : self._count]


class Window:
    """Cuts one epoch's samples into clips; step n sees the ordinals n·stride … n·stride+T−1.

    Clip n answers for its newest `stride` grid points, clip 0 for all it sees; every boundary is computed by one
    expression, so that the end of a clip is the very float the next one starts with.

    Args:
        stream: name of the stream.
        start: first step that shall come out, and the newest grid point that has its answer already.
        method: finds the motion, where `spec` asks for some.
    """

    def __init__(self, stream: str, spec: ClipSpec, start: StartPoint, method: MotionMethod | None = None) -> None:
        self._stream = stream
        self._spec = spec
        self._epoch = start.epoch
        self._origin_s = start.origin_s
        self._step = start.step
        self._answered = start.ordinal
        self._reel = Reel(spec.frames, (spec.height, spec.width, 3))
        self._ordinal = -1
        self._track: MotionTrack | None = None
        self._native: deque[int] = deque(
            maxlen=spec.frames
        )  # the numbers, in the track, of what the newest points show
        if spec.motion is not None:
            assert method is not None, "motion needs a method: see pipeline.cutting.cutter_of"
            self._track = MotionTrack(spec.motion, method)

    @property
    def first_ordinal(self) -> int:
        """The first grid point the next clip sees."""
        return self._step * self._spec.stride

    def push(self, sample: Sample) -> UInt8Array:
        """Add the next grid point and return its pixels; a frame that stands for several is converted once."""
        if sample.again:
            self._reel.add(self._reel.newest(1)[0])
        else:
            self._reel.add(sample.frame.picture.rgb(self._spec.height, self._spec.width, self._spec.scaling))
        if self._track is not None:
            if not sample.again:
                self._track.shown(sample.frame.picture)
            self._native.append(self._track.newest)
        self._ordinal = sample.ordinal
        image: UInt8Array = self._reel.newest(1)[0]
        return image

    def passed(self, frame: DecodedFrame) -> None:
        """Take a good frame that stands for no grid point: motion leads over it."""
        if self._track is not None:
            self._track.passed(frame.picture)

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
        images = self._reel.newest(valid_frames)
        repeated = self._spec.frames - valid_frames
        clip = Clip(
            stream=self._stream,
            epoch=self._epoch,
            step=self._step,
            start_s=self.boundary_s(self._answered + 1),
            end_s=min(end_s, self.boundary_s(self._ordinal + 1)),
            frames=np.pad(images, ((0, repeated), *[(0, 0)] * 3), mode="edge") if repeated else images,
            valid_frames=valid_frames,
            discontinuity=self._epoch > 0 and self._step == 0,
            ordinal=self._ordinal,
            pts_s=self._ordinal / self._spec.fps,
            digest=digest(images[-1]),
            origin_s=self._origin_s,
            motion=None if self._track is None else self._track.since(self._native[-valid_frames]),
        )
        self._answered = self._ordinal
        self._step += 1
        return clip
