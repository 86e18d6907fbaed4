"""Pictures that are converted only when somebody wants to see them."""

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from pipeline.decode.vectors import Shares, field_of, turned
from pipeline.errors import SourceUnreadable
from pipeline.scaling import viewed
from pipeline.values import Float16Array, Scaling, UInt8Array

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
    """A decoded frame's pixels, upright: rotation metadata (a multiple of 90°) is applied.

    Args:
        shares: what of its motion vectors belongs to it, where they were asked for.
    """

    __slots__ = ("_frame", "_scaler", "_shares")

    def __init__(self, frame: VideoFrame, scaler: Scaler, shares: Shares | None = None) -> None:
        self._frame = frame
        self._scaler = scaler
        self._shares = shares

    @property
    def rotation(self) -> int:
        """Degrees, counterclockwise, by which the frame must be turned to stand upright: 0, 90, 180 or 270."""
        return quarter_turns(self._frame.rotation) * 90

    @property
    def pixels(self) -> int:
        """How many it has, as coded."""
        return int(self._frame.width * self._frame.height)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, upright."""
        sides = self._frame.height, self._frame.width
        return sides[::-1] if quarter_turns(self._frame.rotation) % 2 else sides

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        """Return height×width×3 uint8, contiguous and upright: the whole view, or what `scaling` leaves of it.

        Raises:
            SourceUnreadable: it cannot be converted.
        """
        return viewed(self._whole, self.shape, height, width, scaling)

    def _whole(self, height: int, width: int) -> UInt8Array:
        turns = quarter_turns(self._frame.rotation)
        if turns % 2:
            height, width = width, height
        pixels = self._scaler.rgb(self._frame, height, width)
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def vectors(self, height: int, width: int) -> Float16Array:
        """Return the motion its encoder noted, 2×height×width; zeros where it was coded without reference."""
        assert self._shares is not None, "decode with vectors=True"
        turns = quarter_turns(self._frame.rotation)
        noted = self._frame.side_data.get("MOTION_VECTORS")
        if noted is None:
            return np.zeros((2, height, width), np.float16)
        if turns % 2:
            height, width = width, height
        coded = self._frame.height, self._frame.width
        return turned(field_of(noted.to_ndarray(), coded, self._shares, height, width), turns)


def quarter_turns(degrees: float) -> int:
    """Return how often 90° counterclockwise fit into `degrees`: 0…3; other angles go to the nearest."""
    return round(degrees / 90) % 4


def reason_of(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without the URL it may carry."""
    return getattr(error, "strerror", None) or type(error).__name__
