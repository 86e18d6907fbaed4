"""Clips that overlap cross a process border as one strip and come out as they went in."""

import pickle

import numpy as np
import pytest

from pipeline.clip import ClipCutter, Strip
from pipeline.values import Clip, ClipSpec, FramesWithMotion
from tests.clip.test_cutter import frames

SPEC = ClipSpec(frames=4, height=8, width=8, fps=5.0, stride=2)


def cut(count: int) -> list[np.ndarray]:
    cutter = ClipCutter("cam", SPEC)
    items = [item for frame in frames(count) for item in cutter.push(frame)] + cutter.finish()
    return [item.frames for item in items if isinstance(item, Clip)]


@pytest.mark.parametrize("chosen", [slice(0, 3), slice(2, 3), slice(5, 9), slice(6, 12), slice(0, None)])
def test_clips_come_out_of_a_strip_as_they_went_in(chosen):
    clips = cut(120)[chosen]
    strip = pickle.loads(pickle.dumps(Strip.of(clips)))  # noqa: S301 - our own bytes, as they cross to an actor
    assert [clip.tobytes() for clip in strip.clips()] == [clip.tobytes() for clip in clips]
    assert all(clip.flags.c_contiguous for clip in strip.clips())


def test_what_overlapping_clips_share_is_in_the_strip_once():
    assert len(Strip.of(cut(40)[:4]).frames) == 4 + 3 * 2
    assert len(Strip.of(cut(400)).frames) < 0.8 * 4 * len(cut(400))  # also where the window changed its memory


def test_clips_of_different_memory_stand_one_after_the_other():
    clips = [np.full((4, 8, 8, 3), value, np.uint8) for value in range(3)]
    strip = Strip.of(clips)
    assert strip.starts == (0, 4, 8)
    assert [int(clip[0, 0, 0, 0]) for clip in strip.clips()] == [0, 1, 2]


def test_motion_stays_with_its_clip():
    clips = [FramesWithMotion(frames, np.full((3, 2, 8, 8), at, np.float16)) for at, frames in enumerate(cut(40)[:4])]
    strip = pickle.loads(pickle.dumps(Strip.of(clips)))  # noqa: S301 - our own bytes, as they cross to an actor
    assert len(strip.frames) == 4 + 3 * 2, "what the clips share is in the strip once"
    for came_out, went_in in zip(strip.clips(), clips, strict=True):
        assert came_out.frames.tobytes() == went_in.frames.tobytes()
        assert came_out.motion.tobytes() == went_in.motion.tobytes()
