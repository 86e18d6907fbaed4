"""What is known of a source that is open."""

import struct
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.errors import redact

Kind = Literal["file", "http", "rtsp", "device", "synthetic"]

BELIEVABLE_RATES = (0.01, 240.0)  # FLV and Matroska declare 1000 frames a second when they do not know


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the container says before a frame is decoded; every field may be wrong in the wild.

    Attributes:
        uri: where it was read from, without credentials.
        live: it has no end of its own and cannot be read again.
        width, height: as coded, before rotation.
        average_rate: declared frames per second, or None.
        nominal_rate: a believable rate, 0.01…240 frames per second, or None.
        duration_s: declared seconds of the video stream, or None.
        start_wall_s: unix seconds of the first frame as the recorder noted them, or None.
        zero_wall_s: unix seconds of time stamp zero by the camera's clock (RTCP sender reports), or None.
    """

    uri: str
    kind: Kind
    live: bool
    container: str
    codec: str
    pix_fmt: str | None
    width: int
    height: int
    average_rate: float | None
    nominal_rate: float | None
    duration_s: float | None
    start_wall_s: float | None
    zero_wall_s: float | None = None


def describe(uri: str, kind: Kind, container: InputContainer, stream: VideoStream) -> SourceInfo:
    """Return what the container declares of `stream`."""
    codec = stream.codec_context
    duration_s = _duration_s(container, stream)
    rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    return SourceInfo(
        uri=redact(uri),
        kind=kind,
        live=_live(kind, container, duration_s),
        container=container.format.name,
        codec=codec.name,
        pix_fmt=codec.pix_fmt,
        width=codec.width,
        height=codec.height,
        average_rate=float(stream.average_rate) if stream.average_rate else None,
        nominal_rate=next((rate for rate in rates if BELIEVABLE_RATES[0] <= rate <= BELIEVABLE_RATES[1]), None),
        duration_s=duration_s,
        start_wall_s=_start_wall_s(container),
        zero_wall_s=container.start_time_realtime / 1e6 if container.start_time_realtime else None,
    )


def told_zero_s(packet: "av.Packet[VideoStream]", time_base: Fraction) -> float | None:
    """Return unix seconds of time stamp zero as the camera's last report has them for this packet, or None."""
    if packet.pts is None or not packet.has_sidedata("prft"):
        return None
    micros: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]  # AVProducerReferenceTime.wallclock
    return micros / 1e6 - float(packet.pts * time_base)


def _live(kind: Kind, container: InputContainer, duration_s: float | None) -> bool:
    """An HTTP answer of no known length (a camera's MJPEG, a live playlist) has no end either."""
    return kind in ("rtsp", "device") or (kind == "http" and duration_s is None and container.size <= 0)


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


def _start_wall_s(container: InputContainer) -> float | None:
    """The recorder's `creation_time`; zero and pre-digital dates are unset."""
    text = container.metadata.get("com.apple.quicktime.creationdate") or container.metadata.get("creation_time", "")
    try:
        created = datetime.fromisoformat(text)
    except ValueError:
        return None
    return created.timestamp() if created.tzinfo and created.year >= 1990 else None
