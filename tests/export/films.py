"""A film in which every frame can be told from every other."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 10
FRAMES = 100


def write_numbered(path: Path) -> Path:
    """Ten seconds at ten frames a second; a key frame every three seconds; see `number_of`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"g": "30", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 112, 64, "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(drawn(number)))
        container.mux(stream.encode())
    return path


def drawn(number: int) -> av.VideoFrame:
    """Seven stripes, black or white: the number in binary."""
    stripes = [255 if number >> bit & 1 else 0 for bit in range(7)]
    picture = np.repeat(np.tile(np.repeat(np.uint8(stripes), 16), (64, 1))[:, :, None], 3, axis=2)
    return av.VideoFrame.from_ndarray(picture, format="rgb24")


def number_of(picture: np.ndarray) -> int:
    """The number of a drawn frame, however it was encoded meanwhile."""
    middles = picture[32, 8::16].mean(axis=1)
    return sum(1 << bit for bit, level in enumerate(middles) if level > 127)
