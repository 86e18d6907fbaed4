"""Variations of a clip that do not change what happens in it: mirror, framing, light, sharpness, coding, noise."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.values import EncoderInput, Float16Array, FramesWithMotion, UInt8Array

_NOISE_POOL = np.random.default_rng(0).standard_normal(1 << 21).astype(np.float32)


def vary(
    clip_THWC: UInt8Array, rng: np.random.Generator, size: tuple[int, int] | None = None, mirror: bool = True
) -> UInt8Array:
    """Return a varied copy of T×H×W×3 pictures; every picture of the clip is varied alike, save for its noise.

    Args:
        size: height and width of the copy, those of the clip when None.
        mirror: half of the copies are mirrored; not where left and right are different labels.
    """
    matrix = _framing(clip_THWC.shape[1:3], rng, mirror)
    return _filmed(_framed(clip_THWC, matrix, size or clip_THWC.shape[1:3]), rng)


def vary_input(given: EncoderInput, rng: np.random.Generator, mirror: bool = True) -> EncoderInput:
    """`vary` what an encoder is given; motion is moved, turned, zoomed and mirrored like its pictures."""
    if not isinstance(given, FramesWithMotion):
        return vary(given, rng, mirror=mirror)
    size = given.frames.shape[1:3]
    matrix = _framing(size, rng, mirror)
    motion = _moved(given.motion, _scaled(matrix, size, given.motion.shape[2:]))
    return FramesWithMotion(_filmed(_framed(given.frames, matrix, size), rng), motion)


def _filmed(clip: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """In another light, by a worse camera."""
    clip = np.asarray(cv2.LUT(clip.reshape(-1, 1, 3), _light(rng)), np.uint8).reshape(clip.shape)
    if rng.random() < 0.5:
        clip = _softened(clip, rng)
    if rng.random() < 0.3:
        clip = _coded(clip, int(rng.integers(35, 90)))
    if rng.random() < 0.6:
        clip = _noisy(clip, rng.uniform(1, 9), rng)
    return np.ascontiguousarray(clip)


def _framing(size: tuple[int, ...], rng: np.random.Generator, mirror: bool) -> NDArray[np.float64]:
    """Where 2×3 each point of a picture goes.

    Mirrored half of the time if at all, zoomed by up to a tenth, moved a little, turned by up to three degrees.
    """
    height, width = size
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-3, 3), rng.uniform(0.95, 1.12))
    matrix = np.asarray(turn, np.float64)
    matrix[:, 2] += rng.uniform(-0.04, 0.04, 2) * (width, height)
    if rng.random() < 0.5 and mirror:
        matrix[0] *= -1
        matrix[0, 2] += width - 1
    return matrix


def _framed(clip: UInt8Array, matrix: NDArray[np.float64], size: tuple[int, ...]) -> UInt8Array:
    matrix = matrix * np.array([[size[1] / clip.shape[2]], [size[0] / clip.shape[1]]])
    out, flags, border = size[::-1], cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    return np.stack([cv2.warpAffine(frame, matrix, out, flags=flags, borderMode=border) for frame in clip]).astype(
        np.uint8
    )


def _scaled(matrix: NDArray[np.float64], size: tuple[int, ...], to: tuple[int, ...]) -> NDArray[np.float64]:
    """The same framing for a grid of another size over the same picture; a point is the middle of its pixel."""
    y, x = (wanted / given for wanted, given in zip(to, size, strict=True))
    scale = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    scaled: NDArray[np.float64] = (scale @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(scale))[:2]
    return scaled


def _moved(motion_L2HW: Float16Array, matrix: NDArray[np.float64]) -> Float16Array:
    """Each field moved, and each of its vectors turned as the picture is."""
    size, flags, border = motion_L2HW.shape[:1:-1], cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    fields = np.ascontiguousarray(motion_L2HW.transpose(0, 2, 3, 1), np.float32)
    moved = np.stack([cv2.warpAffine(field, matrix, size, flags=flags, borderMode=border) for field in fields])
    return np.ascontiguousarray((moved @ matrix[:, :2].T).transpose(0, 3, 1, 2), np.float16)


def _light(rng: np.random.Generator) -> UInt8Array:
    """A table 256×1×3: gamma and contrast for all channels, gain and offset for each."""
    x = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.uniform(-0.35, 0.35))
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    table = (x - 0.5) * gain + 0.5 + rng.uniform(-0.12, 0.12) + rng.uniform(-0.04, 0.04, 3)
    levels: UInt8Array = (np.clip(table, 0, 1) * 255).astype(np.uint8)
    return levels[:, None]


def _softened(clip: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    sigma = rng.uniform(0.2, 0.8)
    return np.stack([np.asarray(cv2.GaussianBlur(frame, (3, 3), sigma), np.uint8) for frame in clip])


def _coded(clip: UInt8Array, quality: int) -> UInt8Array:
    """Through JPEG and back: blocks and ringing like those of a video codec."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    coded = (cv2.imencode(".jpg", frame, options)[1] for frame in clip)
    return np.stack([np.asarray(cv2.imdecode(one, cv2.IMREAD_COLOR), np.uint8) for one in coded])


def _noisy(clip: UInt8Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    """Sensor noise, cut from a pool: fresh normal numbers would cost more than the rest together."""
    noisy = np.empty_like(clip)
    for frame, out in zip(clip, noisy, strict=True):
        start = int(rng.integers(len(_NOISE_POOL) - frame.size))
        noise = _NOISE_POOL[start : start + frame.size].reshape(frame.shape)
        np.clip(frame + sigma * noise, 0, 255, out=out, casting="unsafe")
    return noisy
