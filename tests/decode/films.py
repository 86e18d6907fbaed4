"""Small films made on the spot, with known content and known faults."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline.values import UInt8Array


def numbered(number: int, height: int = 96, width: int = 128) -> UInt8Array:
    """A grey picture whose left half is as bright as its number says, the right half its opposite."""
    level = 40 + number * 5 % 160
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2] = level
    picture[:, width // 2 :] = 255 - level
    return picture


def film(
    path: Path,
    pts: list[float],
    *,
    codec: str = "libx264",
    rate: Fraction | int = 25,
    ticks: int = 90000,
    size: tuple[int, int] = (96, 128),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
) -> Path:
    """Write one numbered picture per entry of `pts` (seconds) and return the path."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options={"g": "25", "bf": "2"} | (options or {}))
        stream.height, stream.width = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, ticks)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, pts_s in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size), format="rgb24")
            frame.pts = round(pts_s * ticks)
            frame.time_base = Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def steady(count: int, rate: float = 25.0, start_s: float = 0.0) -> list[float]:
    """Presentation times of `count` frames at a constant rate."""
    return [start_s + number / rate for number in range(count)]
