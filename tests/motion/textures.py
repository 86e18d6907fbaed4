"""A texture that slides by the same displacement from frame to frame, as pictures and as films."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.values import DecodedFrame, Float16Array, Scaling, UInt8Array

MARGIN = 64


def texture(height: int, width: int, seed: int = 0, blur: float = 2.0) -> UInt8Array:
    """Grey noise of a known grain."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)


def slid(height: int, width: int, x: float, y: float, seed: int = 0, blur: float = 2.0) -> UInt8Array:
    """A window into a texture that has moved by (x, y) pixels, in grey as RGB."""
    shift = np.array([[1, 0, x - MARGIN], [0, 1, y - MARGIN]], np.float32)
    whole = texture(height + 2 * MARGIN, width + 2 * MARGIN, seed, blur)
    grey = cv2.warpAffine(whole, shift, (width, height), flags=cv2.INTER_CUBIC)
    return np.repeat(grey[..., None], 3, axis=2)


class Sliding:
    """The picture of a texture that has moved by (x, y)."""

    def __init__(self, x: float, y: float, seed: int = 0, blur: float = 2.0) -> None:
        self._place = x, y, seed, blur

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        return slid(height, width, *self._place)

    def vectors(self, height: int, width: int) -> Float16Array:
        raise NotImplementedError


def sliding_frames(count: int, x: float, y: float, rate: float = 25.0) -> list[DecodedFrame]:
    return [DecodedFrame(0, n / rate, 1 / rate, None, False, Sliding(n * x, n * y)) for n in range(count)]


def sliding_film(
    path: Path,
    pts_ticks: list[int],
    x: float,
    y: float,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (128, 192),
    rotation: int = 0,
) -> Path:
    """Write a film at 25 ticks a second whose texture moves by (x, y) pixels a tick; `size` is (height, width)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        if rotation:
            stream.set_display_rotation(rotation)
        for pts in pts_ticks:
            frame = av.VideoFrame.from_ndarray(slid(*size, pts * x, pts * y), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def end_point_error(field: np.ndarray, x: float, y: float, margin: int = 0) -> float:
    """Mean distance in pixels between a field 2×h×w and the displacement (x, y), `margin` pixels from the border on."""
    inner = slice(margin, -margin or None)
    apart = field[:, inner, inner].astype(np.float64) - np.array([x, y]).reshape(2, 1, 1)
    return float(np.hypot(*apart).mean())
