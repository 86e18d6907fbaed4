"""The decoder loop: every packet in, every frame out, damage marked and counted instead of hidden."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeAlias

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.decode.media_clock import ClockSettings, MediaClock
from pipeline.decode.picture import Scaler, VideoPicture, reason_of
from pipeline.decode.stats import DecodeStats
from pipeline.decode.vectors import CODECS, References
from pipeline.errors import SourceError, SourceUnreadable
from pipeline.values import DecodedFrame

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    VideoPacket: TypeAlias = av.Packet[VideoStream]

TRUNCATED_S = 2.0  # headers may be off by a few frames, and by the audio's length
_FOREIGN = (av.FFmpegError, EOFError, ValueError, MemoryError)


class SourceFacts(Protocol):
    """What the decoder wants to know of a source; None where unknown."""

    @property
    def uri(self) -> str: ...
    @property
    def live(self) -> bool: ...
    @property
    def nominal_rate(self) -> float | None: ...
    @property
    def duration_s(self) -> float | None: ...
    @property
    def start_wall_s(self) -> float | None: ...
    @property
    def zero_wall_s(self) -> float | None: ...


class PacketSource(Protocol):
    """Packets of one video stream; `pipeline.source.Source` is one."""

    @property
    def info(self) -> SourceFacts: ...
    @property
    def codec(self) -> VideoCodecContext: ...
    @property
    def time_base(self) -> Fraction: ...
    @property
    def first_pts_s(self) -> float | None: ...
    def __iter__(self) -> "Iterator[VideoPacket]": ...


def decode(
    source: PacketSource,
    *,
    threads: int = 1,
    epoch: int = 0,
    settings: ClockSettings | None = None,
    stats: DecodeStats | None = None,
    vectors: bool = False,
) -> Iterator[DecodedFrame]:
    """Yield every frame of `source` with its media time; pixels stay unconverted.

    A packet that does not decode is counted in `stats` and ends nothing. When the source fails, the frames already
    in the decoder come out first, then the error.

    Args:
        threads: decoder threads; with more than one, a recording's frames come out as many later (a live source's
            never do: a camera of one picture a second would seem stuck), and which pictures of a *damaged*
            stream are marked (and how their holes are painted) differs from run to run. Sound streams decode to the
            same bytes with any number.
        epoch: number of the first epoch.
        vectors: pictures shall know the motion their encoder noted; threads then share each picture, as pictures
            decoded side by side lose some of it.

    Raises:
        SourceUnreadable: the source, read from its start, ended without a single frame, memory does not suffice, or
            its codec tells no motion.
        SourceError: what the source raised.
    """
    stats = stats if stats is not None else DecodeStats()
    if vectors:
        _export_vectors(source)
    source.codec.thread_count = threads
    source.codec.thread_type = "NONE" if threads == 1 else "SLICE" if source.info.live or vectors else "AUTO"
    clock = MediaClock(source.info.nominal_rate, settings, first_pts_s=source.first_pts_s, epoch=epoch)
    loop = _Loop(source, clock, stats, References() if vectors else None)
    fault: SourceError | None = None
    try:
        for packet in source:
            yield from loop.feed(packet)
    except SourceError as error:
        fault = error
    yield from loop.feed(None)
    if fault is not None:
        raise fault
    loop.check_end()


def _export_vectors(source: PacketSource) -> None:
    if source.codec.name not in CODECS:
        raise SourceUnreadable(
            f"{source.info.uri} is coded in {source.codec.name}, whose decoder tells no motion vectors; "
            f"only that of {' and '.join(sorted(CODECS))} does"
        )
    source.codec.options = source.codec.options | {"flags2": "+export_mvs"}


class _Loop:
    """One pass over a source; `feed` is a single turn of it."""

    def __init__(
        self, source: PacketSource, clock: MediaClock, stats: DecodeStats, references: References | None
    ) -> None:
        self._source = source
        self._codec = source.codec
        self._tick_s = float(source.time_base)
        self._seeked = source.first_pts_s is not None
        self._first_pts_s = source.first_pts_s
        self._clock = clock
        self._stats = stats
        self._references = references
        self._scaler = Scaler()
        self._raw_end_s = 0.0

    def feed(self, packet: "VideoPacket | None") -> Iterator[DecodedFrame]:
        """Decode one packet, or None: what the decoder still holds."""
        if self._references is not None and packet is not None:
            self._references.sent(packet.pts, packet.is_keyframe)
        try:
            frames = self._codec.decode(packet)
        except av.BlockingIOError:
            frames = self._unblock(packet)
        except _FOREIGN as error:
            self._failed(packet, error)
            return
        for frame in frames:
            yield self._timed(frame)

    def _unblock(self, packet: "VideoPacket | None") -> list[VideoFrame]:
        """A decoder that errors left full takes no packet: empty it and let it start anew at the next key frame."""
        frames = self._codec.decode(None)
        self._codec.flush_buffers()
        return frames + self._codec.decode(packet)

    def _failed(self, packet: "VideoPacket | None", error: Exception) -> None:
        if isinstance(error, MemoryError):  # no fault of the packet: what follows would fail too
            raise SourceUnreadable(f"decoding {self._source.info.uri} takes more memory than it may have") from error
        self._stats.failed += 1
        pts_s = None if packet is None or packet.pts is None else packet.pts * self._tick_s
        self._clock.lost(pts_s)
        where = "at the end" if packet is None else "at an unknown time" if pts_s is None else f"at {pts_s:.3f} s"
        self._stats.note(f"a packet {where} could not be decoded: {reason_of(error)}")

    def _timed(self, frame: VideoFrame) -> DecodedFrame:
        corrupt = frame.is_corrupt
        shares = None if self._references is None else self._references.shown(frame.pts)
        pts_s = None if frame.pts is None else frame.pts * self._tick_s
        time = self._clock.next(pts_s, frame.duration * self._tick_s, corrupt)
        self._stats.stamps.see(pts_s)
        self._stats.frames_decoded += 1
        self._stats.corrupt += corrupt
        if pts_s is not None:
            self._first_pts_s = pts_s if self._first_pts_s is None else self._first_pts_s
            self._raw_end_s = max(self._raw_end_s, pts_s + time.duration_s)
        return DecodedFrame(
            epoch=time.epoch,
            pts_s=time.pts_s,
            duration_s=time.duration_s,
            wall_s=self._wall_s(pts_s),
            corrupt=corrupt,
            picture=VideoPicture(frame, self._scaler, shares),
            skipped_s=time.skipped_s,
            skip_reason=time.skip_reason,
        )

    def _wall_s(self, pts_s: float | None) -> float | None:
        if pts_s is None:
            return None
        info = self._source.info  # a camera tells its clock again and again
        if info.zero_wall_s is not None:
            return info.zero_wall_s + pts_s
        if info.start_wall_s is None:
            return None
        assert self._first_pts_s is not None
        return info.start_wall_s + pts_s - self._first_pts_s

    def check_end(self) -> None:
        """Complain where there was nothing; note where there was less than declared."""
        info = self._source.info
        uri, declared_s = info.uri, info.duration_s
        if not self._stats.frames_decoded and not self._seeked:
            why = "it is damaged or encrypted, or its pictures are larger than source.max_pixels"
            raise SourceUnreadable(f"no frame of {uri} could be decoded: {why}")
        if info.live or declared_s is None or self._first_pts_s is None:
            return
        watched_s = self._raw_end_s - self._first_pts_s
        if watched_s < declared_s - TRUNCATED_S:
            self._stats.note(f"{uri} is truncated: it ends after {watched_s:.1f} of the declared {declared_s:.1f} s")
