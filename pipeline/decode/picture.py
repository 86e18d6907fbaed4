"""Pictures that are converted only when somebody wants to see them."""

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from pipeline.errors import SourceUnreadable
from pipeline.values import UInt8Array

# Bit-exact flags make the digest of a kept frame the same on every processor, so that a resume may move to another.
_METHOD = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


class Scaler:
    """Scales and converts in one pass of swscale; one per decoder, used from one thread at a time.

    Colour matrix and range are those the frame declares; the reformatter adapts where a stream changes its size.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame, height: int, width: int) -> UInt8Array:
        """Return `frame` as height×width×3 uint8, contiguous; one thread, so that bytes never depend on the machine.

        Raises:
            SourceUnreadable: FFmpeg cannot convert it.
        """
        try:
            scaled = self._reformatter.reformat(frame, width, height, "rgb24", interpolation=_METHOD, threads=1)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            what = f"a picture of {frame.width}×{frame.height} pixels ({frame.format.name})"
            raise SourceUnreadable(f"{what} cannot be converted: {reason_of(error)}") from error
        return np.ascontiguousarray(scaled.to_ndarray())


class VideoPicture:
    """A decoded frame's pixels, upright: rotation metadata (a multiple of 90°) is applied."""

    __slots__ = ("_frame", "_scaler")

    def __init__(self, frame: VideoFrame, scaler: Scaler) -> None:
        self._frame = frame
        self._scaler = scaler

    @property
    def rotation(self) -> int:
        """Degrees, counterclockwise, by which the frame must be turned to stand upright: 0, 90, 180 or 270."""
        return quarter_turns(self._frame.rotation) * 90

    @property
    def pixels(self) -> int:
        """How many it has, as coded."""
        return int(self._frame.width * self._frame.height)

    def rgb(self, height: int, width: int) -> UInt8Array:
        """Return the whole view upright and scaled to height×width×3 uint8, contiguous."""
        turns = quarter_turns(self._frame.rotation)
        if turns % 2:
            height, width = width, height
        pixels = self._scaler.rgb(self._frame, height, width)
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def quarter_turns(degrees: float) -> int:
    """Return how often 90° counterclockwise fit into `degrees`: 0…3; other angles go to the nearest."""
    return round(degrees / 90) % 4


def reason_of(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without the URL it may carry."""
    return getattr(error, "strerror", None) or type(error).__name__
