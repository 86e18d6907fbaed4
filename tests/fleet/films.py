"""Films that cost next to nothing to make and to decode, so that the machinery is the load."""

from pathlib import Path

import av
import numpy as np

SIZE = (64, 48)


def cheap(path: Path, seconds: float, fps: int) -> Path:
    """Write pictures of one colour each, with a key frame every second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": str(fps)})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(round(seconds * fps)):
            picture = np.full((SIZE[1], SIZE[0], 3), 16 + number * 7 % 200, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path
