"""A scene as a stream of frames, and as an H.264 file with its exact timeline beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from pipeline.errors import SourceUnreadable
from pipeline.scaling import viewed
from pipeline.synthetic.scene import Scene
from pipeline.synthetic.spec import FPS, SIZE, SceneSpec
from pipeline.values import DecodedFrame, Float16Array, Scaling, UInt8Array


@dataclass(frozen=True, slots=True)
class ScenePicture:
    """The pixels of one moment of a scene, rendered when asked for; filmed at `size`, (width, height)."""

    scene: Scene
    t_s: float
    size: tuple[int, int] = SIZE

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width as filmed."""
        return self.size[::-1]

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        """Return height × width × 3 uint8, contiguous: the whole view, or what `scaling` leaves of it."""
        return viewed(partial(self.scene.render, self.t_s), self.shape, height, width, scaling)

    def vectors(self, height: int, width: int) -> Float16Array:
        """Raise SourceUnreadable: nobody has encoded it."""
        raise SourceUnreadable("a synthetic scene holds no motion vectors; a model that wants them needs H.264 video")


def frames(
    spec: SceneSpec, fps: float = FPS, start_at_s: float = 0.0, size: tuple[int, int] = SIZE
) -> Iterator[DecodedFrame]:
    """Yield the frames of a scene at `n / fps`, beginning with the first one at or after `start_at_s`; epoch 0.

    `size` is (width, height) as filmed; pictures are rendered at any other size, too.
    """
    scene = Scene(spec)
    first = max(0, int(np.ceil(start_at_s * fps - 1e-9)))
    for number in range(first, frame_count(spec, fps)):
        picture = ScenePicture(scene, number / fps, size)
        yield DecodedFrame(0, number / fps, 1 / fps, None, False, picture)


def frame_count(spec: SceneSpec, fps: float = FPS) -> int:
    """Return how many frames a scene has (at least one)."""
    return max(1, int(np.floor(spec.duration_s * fps + 1e-9)))


def write_video(path: Path, spec: SceneSpec, fps: float = FPS, size: tuple[int, int] = SIZE) -> Path:
    """Encode a scene to `path` (libx264, yuv420p) and write its timeline to the same name with `.json`; return that.

    `size` is (width, height), both even.

    Raises:
        ValueError: a side is odd, which yuv420p cannot hold.
        OSError: the file cannot be written.
    """
    width, height = size
    if width % 2 or height % 2:
        raise ValueError(f"size must be even for H.264 yuv420p, got {width}x{height}")
    scene = Scene(spec)
    first = {"movflags": "faststart"} if path.suffix.lower() in (".mp4", ".mov") else {}  # the index: readable at once
    with av.open(str(path), "w", container_options=first) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frame_count(spec, fps)):
            picture = scene.render(number / fps, height, width)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    beside = path.with_suffix(".json")
    beside.write_text(scene.truth.json(path.stem))
    return beside
