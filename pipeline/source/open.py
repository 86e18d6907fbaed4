"""One open video: its packets, what is known of it, and every fault as one of our errors."""

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pipeline.errors import SourceError, SourceNotFound, SourceUnreadable, redact
from pipeline.source.faults import FOREIGN, explain
from pipeline.source.info import Kind, SourceInfo, describe, told_zero_s
from pipeline.source.names import scheme_of
from pipeline.source.settings import SourceSettings

TIMELESS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v"})  # carry no times; FFmpeg invents 25 pictures a second
ARRIVAL_TICK_S = Fraction(1, 90_000)
SEEK_MARGIN_S = 1.0  # a key frame's leading frames lack their references after a seek; start well before what is needed


class Source:
    """Packets of one video stream, in file order; a context manager, to be iterated once.

    A live source whose format carries no times gets those at which its packets arrive.

    Attributes:
        info: what the container declares; `zero_wall_s` follows the reports of a camera.
        codec: the decoder's context, not yet open.
        time_base: seconds per tick of the packets' and frames' `pts`.
        first_pts_s: `pts` of the first frame in seconds where reading began elsewhere (a seek), else None.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, info: SourceInfo, limit_s: float) -> None:
        assert stream.time_base is not None
        self.info = info
        self.codec: VideoCodecContext = stream.codec_context
        self._timeless = info.live and info.container in TIMELESS
        self.time_base: Fraction = ARRIVAL_TICK_S if self._timeless else stream.time_base
        self.first_pts_s: float | None = None
        self._container = container
        self._stream = stream
        self._limit_s = limit_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or connection; may be called twice."""
        self._container.close()

    def __iter__(self) -> "Iterator[av.Packet[VideoStream]]":
        """Yield packets until the source ends.

        Raises:
            SourceUnreadable: a packet is encrypted.
            SourceTimeout: nothing came for `read_timeout_s`.
            SourceError: the source failed while it was read.
        """
        packets = self._container.demux(self._stream)
        while True:
            asked_s = time.monotonic()
            try:
                packet = next(packets)
            except (StopIteration, EOFError, IndexError):
                return  # IndexError: PyAV's own flush trips over streams that appeared while reading
            except FOREIGN as error:
                fault = explain(error, self.info.uri, time.monotonic() - asked_s, self._limit_s)
                break
            if packet.is_keyframe and packet.has_sidedata("encryption_info"):
                fault = SourceUnreadable(f"{self.info.uri} is encrypted; decrypt it first")
                break
            if packet.size:  # an empty packet would tell the decoder that the stream is over
                self._date(packet)
                yield packet
        raise fault  # outside the handler: the foreign error carries the URL with its password

    def _date(self, packet: "av.Packet[VideoStream]") -> None:
        if self._timeless:
            packet.pts = packet.dts = round(time.monotonic() / self.time_base)
        elif self.info.kind == "rtsp":
            zero_wall_s = told_zero_s(packet, self.time_base)
            if zero_wall_s is not None:
                self.info = replace(self.info, zero_wall_s=zero_wall_s)

    def seek(self, first_pts_s: float, media_s: float) -> bool:
        """Move to a key frame at or before `media_s` seconds after the first frame; False if the source cannot."""
        target_s = first_pts_s + media_s - SEEK_MARGIN_S
        if target_s <= first_pts_s:
            return False
        try:
            self._container.seek(int(target_s / self.time_base), stream=self._stream)
        except FOREIGN:
            return False
        self.first_pts_s = first_pts_s
        return True


def open_source(uri: str, settings: SourceSettings | None = None, start_at_s: float | None = None) -> Source:
    """Open everything PyAV opens: a file, `rtsp(s)://`, `http(s)://`, `/dev/videoN`.

    Args:
        uri: what `expand` returned, except `synthetic://`.
        settings: time-outs and transport; the defaults where None.
        start_at_s: media seconds after the first frame at or before which reading shall begin. Where the source
            cannot seek it begins at the start (`first_pts_s` is None then); the caller verifies by digest.

    Raises:
        SourceNotFound, SourceUnreadable, SourceTimeout, SourceRefused, SourceError: see `pipeline.errors`.
    """
    settings = settings or SourceSettings()
    if not start_at_s:
        return _open(uri, settings)
    with _open(uri, settings) as look:
        first_pts_s = None if look.info.live else _first_pts_s(look)
    source = _open(uri, settings)
    if first_pts_s is None or source.seek(first_pts_s, start_at_s):
        return source
    source.close()
    return _open(uri, settings)


def _first_pts_s(source: Source) -> float | None:
    for packet in source:
        try:
            frames = source.codec.decode(packet)
        except FOREIGN:
            continue
        if frames:
            pts = frames[0].pts
            return None if pts is None else float(pts * source.time_base)
    return None


def _open(uri: str, settings: SourceSettings) -> Source:
    kind = _kind(uri)
    if kind in ("file", "device"):
        _check_path(Path(uri))
    container = _open_container(uri, kind, settings)
    try:
        stream = _video_stream(container, redact(uri), settings.max_pixels)
        return Source(container, stream, describe(uri, kind, container, stream), settings.read_timeout_s)
    except SourceError:
        container.close()
        raise


def _kind(uri: str) -> Kind:
    scheme = scheme_of(uri)
    if scheme is None:
        return "device" if uri.startswith("/dev/") else "file"
    return "rtsp" if scheme.startswith("rtsp") else "http"


def _check_path(path: Path) -> None:
    if not path.exists():
        raise SourceNotFound(f"there is no file {str(path)!r}")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceUnreadable(f"{path} is empty (0 bytes)")


def _open_container(uri: str, kind: Kind, settings: SourceSettings) -> InputContainer:
    options = {"max_pixels": str(settings.max_pixels)}
    if kind in ("rtsp", "http"):
        # else FFmpeg holds the first 20 pictures or more back to guess their rate: from a slow camera, half a minute
        options |= {"fpsprobesize": "2"}
    if kind == "rtsp":
        # only `timeout`, in microseconds, bounds a silent server here; unknown options would be ignored without a word
        microseconds = int(min(settings.open_timeout_s, settings.read_timeout_s) * 1e6)
        options |= {
            "analyzeduration": "1000000",
            "rtsp_transport": settings.rtsp_transport,
            "timeout": str(microseconds),
            "allowed_media_types": "video",
        }
    timeouts = None if kind == "file" else (settings.open_timeout_s, settings.read_timeout_s)
    device = "v4l2" if kind == "device" else None
    asked_s = time.monotonic()
    try:
        return av.open(_address(uri, kind), format=device, options=options, timeout=timeouts, metadata_errors="replace")
    except FOREIGN as error:
        limit_s = min(settings.open_timeout_s, settings.read_timeout_s)
        fault = explain(error, redact(uri), time.monotonic() - asked_s, limit_s)
    raise fault  # outside the handler: the foreign error carries the URL with its password


def _address(uri: str, kind: Kind) -> str:
    """A colon in a file's name would be taken for a protocol."""
    return f"file:{uri}" if kind == "file" else uri


def _video_stream(container: InputContainer, uri: str, max_pixels: int) -> VideoStream:
    """Return the first video stream that is not a cover picture; FFmpeg's "best" would pick the largest."""
    attached = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & attached]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        raise SourceUnreadable(f"{uri} holds no video, only {' and '.join(kinds) or 'nothing'}")
    stream = streams[0]
    if stream.codec_context is None:
        raise SourceUnreadable(f"{uri} is in a video codec that this FFmpeg cannot decode")
    codec = stream.codec_context
    if codec.width * codec.height > max_pixels:
        size = f"{codec.width}×{codec.height}"
        raise SourceUnreadable(f"{uri} says its pictures have {size} pixels; source.max_pixels allows {max_pixels}")
    codec.options = {"max_pixels": str(max_pixels)}  # for those that turn out to be larger than was said
    return stream
