"""Pictures: upright, in the right colours, at the size asked for."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from pipeline.decode import Scaler, VideoPicture, decode
from pipeline.errors import SourceUnreadable
from pipeline.source import open_source
from pipeline.values import UInt8Array
from tests.decode.films import film


def corners(picture: UInt8Array) -> list[int]:
    """Mean brightness of the quarters: top left, top right, bottom left, bottom right."""
    half = picture.shape[0] // 2, picture.shape[1] // 2
    rows, columns = (slice(None, half[0]), slice(half[0], None)), (slice(None, half[1]), slice(half[1], None))
    return [round(float(picture[row, column].mean()) / 80) for row in rows for column in columns]


def quartered(height: int, width: int) -> UInt8Array:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, width // 2 :] = 80
    picture[height // 2 :, : width // 2] = 160
    picture[height // 2 :, width // 2 :] = 240
    return picture


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [(0, [0, 1, 2, 3]), (90, [1, 3, 0, 2]), (180, [3, 2, 1, 0]), (-90, [2, 0, 3, 1])],
)
def test_rotation_metadata_stands_the_picture_upright(tmp_path: Path, rotation: int, expected: list[int]) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        stream.set_display_rotation(rotation)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(quartered(96, 128), format="rgb24")))
        container.mux(stream.encode())
    with open_source(str(path)) as source:
        picture = next(decode(source)).picture
        assert isinstance(picture, VideoPicture) and picture.rotation == rotation % 360
        pixels = picture.rgb(60, 40)
    assert pixels.shape == (60, 40, 3) and pixels.flags.c_contiguous and pixels.dtype == np.uint8
    assert corners(pixels) == expected


@pytest.mark.parametrize("pixel_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601])
def test_colours_follow_the_declared_matrix_and_range(matrix: Colorspace, pixel_range: ColorRange) -> None:
    colour = (200, 60, 30)
    source = av.VideoFrame.from_ndarray(np.full((64, 64, 3), colour, np.uint8), format="rgb24")
    coded = VideoReformatter().reformat(source, format="yuv420p", dst_colorspace=matrix, dst_color_range=pixel_range)
    coded.colorspace, coded.color_range = int(matrix), int(pixel_range)
    pixels = VideoPicture(coded, Scaler()).rgb(32, 32)
    assert np.abs(pixels.reshape(-1, 3).astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv444p", "yuv420p10le", "gray", "bgra", "yuv410p", "nv12", "rgb8"]
)
def test_one_scaler_follows_every_change_of_size_and_format(pixel_format: str) -> None:
    scaler = Scaler()
    for height, width in ((64, 48), (1, 1), (33, 77), (64, 48)):
        plain = av.VideoFrame.from_ndarray(np.full((height, width, 3), 128, np.uint8), format="rgb24")
        frame = plain.reformat(format=pixel_format)
        pixels = scaler.rgb(frame, 40, 30)
        assert pixels.shape == (40, 30, 3)
        assert abs(float(pixels.mean()) - 128) < 32


def test_scaling_looks_at_the_whole_view(tmp_path: Path) -> None:
    with open_source(str(film(tmp_path / "film.mp4", [0.0, 0.04, 0.08]))) as source:
        picture = next(decode(source)).picture
        small, full = picture.rgb(12, 16), picture.rgb(96, 128)
    assert np.abs(small.mean((0, 1)) - full.mean((0, 1))).max() < 2


def test_a_picture_that_ffmpeg_cannot_convert_is_an_error_of_the_source() -> None:
    picture = VideoPicture(av.VideoFrame(32, 32, "rgb4"), Scaler())
    with pytest.raises(SourceUnreadable, match=r"a picture of 32×32 pixels \(rgb4\) cannot be converted"):
        picture.rgb(16, 16)
