"""Films that cost next to nothing to make and to decode, so that the machinery is the load."""

from pathlib import Path

import av
import cv2
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


def looped(path: Path, seconds: float) -> Path:
    """Write a film of 640×480 that costs what a camera's costs to decode: a minute of it again and again."""
    width, height, fps, round_s = 640, 480, 10, 60
    noise = np.random.default_rng(0).integers(0, 256, (height * 2, width * 2, 3), np.uint8)
    noise = cv2.GaussianBlur(noise, (9, 9), 0)
    once = path.with_name("once.mp4")
    with av.open(str(once), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "veryfast", "g": str(2 * fps), "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round_s * fps):
            y, x = number * 3 % height, number * 5 % width
            picture = np.ascontiguousarray(noise[y : y + height, x : x + width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    _repeat(once, path, round(seconds / round_s))
    return path


def _repeat(once: Path, path: Path, times: int) -> None:
    """The same packets, one round after the other."""
    with av.open(str(path), "w") as out:
        for number in range(times):
            with av.open(str(once)) as part:
                video = part.streams.video[0]
                if number == 0:
                    stream = out.add_stream_from_template(video)
                for packet in part.demux(video):
                    if packet.dts is not None:
                        shift = number * video.duration
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        out.mux(packet)
