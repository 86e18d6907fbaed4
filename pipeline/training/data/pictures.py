"""What examples show: parts of decoded videos."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.errors import LongtakeError
from pipeline.training.data.examples import Example, Table
from pipeline.training.data.videos import Log, decoded
from pipeline.values import ClipSpec, Float16Array, UInt8Array

A = TypeVar("A", UInt8Array, Float16Array)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Examples with what they show.

    Attributes:
        shown: of each example its N×H×W×3 pictures, N ≥ 1, on disk; `clip.fps` of them a second.
        classes: index of each example's label.
        motions: of each example N×L×2×h×w, on disk: what a clip that ends with a picture has of it; for a model that
            asks for motion.
    """

    shown: tuple[UInt8Array, ...]
    classes: tuple[int, ...]
    motions: tuple[Float16Array, ...] = ()

    def motion(self, example: int) -> Float16Array | None:
        """That of an example's pictures, where there is some."""
        return self.motions[example] if self.motions else None


def pictures(table: Table, clip: ClipSpec, cache: Path, log: Log) -> Pictures:
    """The pictures of a table's examples; see `decoded`.

    Raises:
        LongtakeError: a video cannot be read, or ends before an example begins.
    """
    videos = decoded(sorted({example.video for example in table.examples}), clip, cache, log)
    pairs = [(example, videos[example.video]) for example in table.examples]
    return Pictures(
        tuple(_part(video.pictures, example, clip) for example, video in pairs),
        tuple(table.labels.index(example.label) for example in table.examples),
        tuple(_part(video.motion, example, clip) for example, video in pairs if video.motion is not None),
    )


def _part(video: A, example: Example, clip: ClipSpec) -> A:
    """An example's part; one shorter than a clip is shown with what happens around it, as a stream would be."""
    if example.start_s is None or example.end_s is None:
        return video
    first, end = (math.ceil(time_s * clip.fps - 1e-6) for time_s in (example.start_s, example.end_s))
    if first >= len(video):
        at_s = len(video) / clip.fps
        raise LongtakeError(f"{example.video} ends at {at_s:.1f} s, before {example.label} at {example.start_s:g} s")
    if end - first < clip.frames:
        first = max(0, min((first + end - clip.frames) // 2, len(video) - clip.frames))
        end = first + clip.frames
    return video[first:end]
