"""Overlapping clips as one strip of frames: what they share crosses a process border once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from pipeline.values import EncoderInput, Float16Array, FramesWithMotion, UInt8Array, frames_and_motion


@dataclass(frozen=True, slots=True)
class Strip:
    """Several clips of T frames as one block.

    Attributes:
        frames: N×H×W×3 uint8, contiguous.
        starts: the first frame of each clip.
        length: T.
        motions: of each clip, for a model that asks for motion; that of two clips overlaps little.
    """

    frames: UInt8Array = field(repr=False)
    starts: tuple[int, ...]
    length: int
    motions: tuple[Float16Array, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, given: Sequence[EncoderInput]) -> "Strip":
        """Lay consecutive clips over each other where they show the same memory, else one after the other."""
        clips = [frames_and_motion(one)[0] for one in given]
        motions = tuple(one.motion for one in given if isinstance(one, FramesWithMotion))
        pieces: list[UInt8Array] = []
        starts: list[int] = []
        for _, group in groupby(clips, key=lambda clip: id(clip.base) if _is_view(clip) else id(clip)):
            piece, places = _laid(list(group))
            starts += [sum(map(len, pieces)) + place for place in places]
            pieces.append(piece)
        return cls(pieces[0] if len(pieces) == 1 else np.concatenate(pieces), tuple(starts), len(clips[0]), motions)

    def clips(self) -> list[EncoderInput]:
        """Views of the clips, in the order they were given."""
        clips = [self.frames[start : start + self.length] for start in self.starts]
        if not self.motions:
            return [*clips]
        return [FramesWithMotion(*both) for both in zip(clips, self.motions, strict=True)]


def _is_view(clip: UInt8Array) -> bool:
    """Whether the clip is some whole frames of a larger block."""
    block = clip.base
    return (
        isinstance(block, np.ndarray)
        and block.dtype == clip.dtype
        and block.shape[1:] == clip.shape[1:]
        and (_address(clip) - _address(block)) % clip[0].nbytes == 0
    )


def _laid(clips: list[UInt8Array]) -> tuple[UInt8Array, list[int]]:
    """The part of their block that the clips show, and where in it each begins; a lone clip is its own block."""
    block = clips[0].base
    if block is None or not _is_view(clips[0]):
        return clips[0], [0]
    places = [(_address(clip) - _address(block)) // clip[0].nbytes for clip in clips]
    begin, end = min(places), max(places) + len(clips[0])
    return block[begin:end], [place - begin for place in places]


def _address(array: UInt8Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
