"""Decoding: from packets to frames with media time."""

from pipeline.decode.decoder import PacketSource, decode
from pipeline.decode.media_clock import ClockSettings, MediaClock, MediaTime
from pipeline.decode.picture import Scaler, VideoPicture
from pipeline.decode.stats import DecodeStats, StampStats

__all__ = [
    "ClockSettings",
    "DecodeStats",
    "MediaClock",
    "MediaTime",
    "PacketSource",
    "Scaler",
    "StampStats",
    "VideoPicture",
    "decode",
]
