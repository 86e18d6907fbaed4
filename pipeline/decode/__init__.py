"""Decoding: from packets to frames with media time."""

from pipeline.decode.decoder import DecodeStats, PacketSource, decode
from pipeline.decode.media_clock import ClockSettings, MediaClock, MediaTime
from pipeline.decode.picture import Scaler, VideoPicture

__all__ = [
    "ClockSettings",
    "DecodeStats",
    "MediaClock",
    "MediaTime",
    "PacketSource",
    "Scaler",
    "VideoPicture",
    "decode",
]
