"""Motion as an H.264 encoder noted it: per frame interval, upright, in pixels of the size asked for."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.decode import decode
from pipeline.decode.vectors import References, Shares, field_of, turned
from pipeline.errors import SourceUnreadable
from pipeline.source import open_source
from tests.decode.films import film, steady
from tests.motion.textures import end_point_error, sliding_film

SIZE = (64, 64)
ONE_REFERENCE = {"refs": "1"}
B_FRAMES = {"refs": "1", "bf": "2", "b-pyramid": "none"}


def fields(path: Path, threads: int = 1) -> list[np.ndarray]:
    with open_source(str(path)) as source:
        return [frame.picture.vectors(*SIZE) for frame in decode(source, threads=threads, vectors=True)]


def errors(found: list[np.ndarray], ticks: list[int], x: float, y: float) -> list[float]:
    """Mean end-point error of each field but the first, a sixteenth from the border on."""
    pairs = zip(found[1:], np.diff(ticks), strict=True)
    return [end_point_error(field, x * step, y * step, margin=4) for field, step in pairs]


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"bf": "0"} | ONE_REFERENCE, 0.02),  # measured: 0.003
        (B_FRAMES, 0.02),  # 0.004
        ({}, 0.06),  # libx264's defaults, B-frames that predict each other and three references: 0.02
    ],
    ids=["no B-frames", "B-frames", "defaults"],
)
def test_a_sliding_texture_is_noted_per_frame_interval(tmp_path: Path, options: dict[str, str], most: float) -> None:
    ticks = list(range(30))
    found = fields(sliding_film(tmp_path / "film.mp4", ticks, 3.0, 1.0, options=options))
    assert found[0].shape == (2, *SIZE) and found[0].dtype == np.float16
    assert np.mean(errors(found, ticks, 3.0 * 64 / 192, 1.0 * 64 / 128)) < most


def test_an_uneven_rate_gives_each_interval_its_own(tmp_path: Path) -> None:
    ticks = [tick for tick in range(40) if tick % 5 != 3]
    found = fields(sliding_film(tmp_path / "film.mp4", ticks, 1.0, 0.5, options=B_FRAMES))
    assert np.mean(errors(found, ticks, 1.0 * 64 / 192, 0.5 * 64 / 128)) < 0.02


@pytest.mark.parametrize(("rotation", "x", "y"), [(90, 0.5, -1.5), (180, -1.0, -0.75), (-90, -0.5, 1.5)])
def test_the_motion_of_a_turned_film_is_upright(tmp_path: Path, rotation: int, x: float, y: float) -> None:
    path = sliding_film(tmp_path / "film.mp4", list(range(8)), 3.0, 1.5, options=ONE_REFERENCE, rotation=rotation)
    if rotation == 180:
        x, y = -3.0 * 64 / 192, -1.5 * 64 / 128
    else:
        x, y = x / 0.5 * 1.5 * 64 / 128, y / 1.5 * 3.0 * 64 / 192
    assert np.mean([end_point_error(field, x, y, margin=4) for field in fields(path)[1:]]) < 0.05


def test_decoder_threads_change_nothing(tmp_path: Path) -> None:
    path = sliding_film(tmp_path / "film.mp4", list(range(30)), 3.0, 1.0, options={"slices": "4"})
    one, four = fields(path), fields(path, threads=4)
    assert [field.tobytes() for field in one] == [field.tobytes() for field in four]


def test_frames_coded_without_reference_stand_still(tmp_path: Path) -> None:
    path = sliding_film(tmp_path / "film.mp4", list(range(6)), 3.0, 1.0, options={"g": "1"})
    assert not any(field.any() for field in fields(path))


def test_a_codec_that_tells_no_motion_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", steady(3), codec="mpeg2video", options={"bf": "0"}, ticks=25)
    with (
        open_source(str(path)) as source,
        pytest.raises(SourceUnreadable, match="coded in mpeg2video, whose decoder tells no"),
    ):
        next(decode(source, vectors=True))


def test_references_are_told_by_the_order_of_the_packets() -> None:
    references = References()
    for stamp in (0, 30, 10, 20, 60, 40, 50):  # I P B B P B B
        references.sent(stamp, key=stamp == 0)
    assert references.shown(0) == Shares()
    assert references.shown(10) == Shares(1.0, 0.5)
    assert references.shown(20) == Shares(0.5, 1.0)
    assert references.shown(30) == Shares(1 / 3, 1 / 3)
    assert references.shown(40) == Shares(1.0, 0.5)


def test_stamps_that_are_missing_or_begin_anew_leave_a_displacement_whole() -> None:
    references = References()
    for stamp in (1000, 1010, None):
        references.sent(stamp, key=stamp == 1000)
    assert [references.shown(stamp) for stamp in (1000, None, 1010)] == [Shares()] * 3
    references.sent(0, key=True)
    references.sent(10, key=False)
    assert [references.shown(stamp) for stamp in (0, 10)] == [Shares(), Shares(1.0, 1.0)]


def test_damaged_displacements_stay_in_bounds() -> None:
    kinds = ["source", "w", "h", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale"]
    blocks = np.zeros(1, [(kind, np.int32) for kind in kinds])
    blocks[0] = (-1, 16, 16, 8, 8, 2**31 - 1, -(2**31), 0)
    found = field_of(blocks, (32, 32), Shares(), 16, 16)
    assert np.abs(found).max() == 16
    blocks["dst_x"] = -30_000
    assert not field_of(blocks, (32, 32), Shares(), 16, 16).any()


def test_a_field_is_turned_with_its_picture() -> None:
    motion = np.zeros((2, 4, 4), np.float16)
    motion[:, 0, 3] = 1.0, 0.0  # top right, to the right
    once = turned(motion, 1)  # top left, upwards
    assert (once[0, 0, 0], once[1, 0, 0]) == (0.0, -1.0)
    assert np.array_equal(turned(once, 3), motion)
