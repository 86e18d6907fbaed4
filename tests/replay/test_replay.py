"""A lane log is what a lane was given; replaying it gives the lane's timeline and memory to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.replay.log import LaneLog, LogSettings, read_log
from pipeline.values import Checkpoint, Clip, Gap, GapReason

T, STRIDE = 4, 2


def checkpoint(epoch: int = 0, step: int = -1, until_s: float = 0.0) -> Checkpoint:
    state = np.arange(3, dtype=np.float32)
    place = (epoch, step, 0.0, -1, 0.0, bytes(16), until_s, until_s)
    return Checkpoint("cam", *place, state, b"", None, "numerics", "model", "file")


def film(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 8, 3), np.uint8)


def clips(count: int, epoch: int = 0) -> list[Clip]:
    pixels = film(T + STRIDE * count, epoch)
    return [
        Clip(
            "cam",
            epoch,
            step,
            *(10.0 * epoch + step, 10.0 * epoch + step + 1),
            np.ascontiguousarray(pixels[step * STRIDE : step * STRIDE + T]),
            T,
            step == 0,
            step * STRIDE + T - 1,
            float(step),
            bytes([step] * 16),
        )
        for step in range(count)
    ]


def write(folder: Path, number: int, begin: Checkpoint, items, finished: bool | None = None, **settings) -> Path:
    with LaneLog(LogSettings(folder=folder, **settings), begin, f"token{number:03d}", number) as log:
        for item in items:
            log.given(item)
        if finished is not None:
            log.finished(finished)
    return folder / "cam"


def shown(items) -> list[object]:
    return [
        item if isinstance(item, Gap) else (item.epoch, item.step, item.frames.tobytes(), repr(item)) for item in items
    ]


def test_a_log_gives_back_every_clip_and_gap_to_the_bit(tmp_path):
    items = [*clips(5), Gap("cam", 5.0, 10.0, GapReason.STALLED), *clips(3, epoch=1)]
    (session,) = read_log(write(tmp_path, 1, checkpoint(), items, finished=False))
    assert shown(session.items) == shown(items)
    assert (session.checkpoint.step, session.finished) == (-1, False)


def test_pixels_that_overlap_are_kept_once(tmp_path):
    apart = write(tmp_path / "apart", 1, checkpoint(), clips(20)[::3])
    overlapping = write(tmp_path / "overlapping", 1, checkpoint(), clips(20))
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in (apart, overlapping)]
    assert sizes[1] / 20 < 0.7 * sizes[0] / 7


def test_motion_comes_back_to_the_bit(tmp_path):
    chance = np.random.default_rng(0)
    items = [replace(clip, motion=chance.normal(size=(3, 2, 16, 16)).astype(np.float16)) for clip in clips(5)]
    (session,) = read_log(write(tmp_path, 1, checkpoint(), items))
    assert shown(session.items) == shown(items)
    assert [clip.motion.tobytes() for clip in session.items] == [clip.motion.tobytes() for clip in items]
    assert all(clip.motion.shape == (3, 2, 16, 16) for clip in session.items)


def test_what_was_given_but_never_committed_does_not_count(tmp_path):
    items = [*clips(4), Gap("cam", 4.0, 6.0, GapReason.STALLED)]
    write(tmp_path, 1, checkpoint(), items)
    write(tmp_path, 2, checkpoint(0, 1, until_s=2.0), clips(4)[2:3])
    first, second = read_log(tmp_path / "cam")
    assert [item.step for item in first.items] == [0, 1]
    assert [item.step for item in second.items] == [2]


def test_a_lane_that_woke_after_it_was_replaced_does_not_count(tmp_path):
    write(tmp_path, 1, checkpoint(), clips(6))  # it went on, fenced, after the second had begun
    write(tmp_path, 2, checkpoint(0, 1, until_s=2.0), clips(2, epoch=1))
    write(tmp_path, 3, checkpoint(1, 1, until_s=12.0), clips(1, epoch=2))
    assert [len(session.items) for session in read_log(tmp_path / "cam")] == [2, 2, 1]


@given(cut=st.integers(1, 400))
def test_a_torn_record_ends_a_session_and_nothing_else(tmp_path_factory, cut):
    folder = write(tmp_path_factory.mktemp("log"), 1, checkpoint(), clips(5))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    (session,) = read_log(folder)
    assert shown(session.items) == shown(clips(5)[: len(session.items)])
    assert len(session.items) < 5


def test_a_log_grows_no_further_than_it_may(tmp_path):
    folder = write(tmp_path, 1, checkpoint(), clips(50), max_bytes=4096)
    (file,) = folder.iterdir()
    assert file.stat().st_size <= 4096 + 12
    assert 0 < len(read_log(folder)[0].items) < 50


def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no lane log"):
        read_log(tmp_path)
