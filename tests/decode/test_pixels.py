"""Pictures too large to be decoded are refused before they take memory; 8K is not too large."""

from pathlib import Path

import av
import pytest

from pipeline.decode import DecodeStats, decode
from pipeline.errors import SourceUnreadable
from pipeline.source import SourceSettings, open_source
from tests.decode.films import film, steady

SMALL = SourceSettings(max_pixels=2**20)
FAST = {"preset": "ultrafast", "bf": "0"}


def black(path: Path, width: int, height: int) -> Path:
    """One black picture: many pixels in few bytes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(width, height, "yuvj420p")))
        container.mux(stream.encode())
    return path


def test_a_film_of_pictures_that_are_too_large_is_refused(tmp_path: Path) -> None:
    path = black(tmp_path / "film.mkv", 2048, 1024)
    with (
        pytest.raises(SourceUnreadable, match=r"no frame of .*film.mkv could be decoded: .* source.max_pixels"),
        open_source(str(path), SMALL) as source,
    ):
        list(decode(source))


def test_where_the_size_is_known_before_it_is_said(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mpg", steady(2), codec="mpeg2video", ticks=25, size=(1024, 2048))
    complaint = r"film.mpg says its pictures have 2048×1024 pixels; source.max_pixels allows 1048576"
    with pytest.raises(SourceUnreadable, match=complaint):
        open_source(str(path), SMALL)


def test_pictures_that_grow_too_large_are_damage(tmp_path: Path) -> None:
    parts = [
        film(tmp_path / f"{size[0]}.ts", steady(25), size=size, options=FAST) for size in ((96, 128), (1088, 1920))
    ]
    (tmp_path / "film.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    stats = DecodeStats()
    with open_source(str(tmp_path / "film.ts"), SMALL) as source:
        assert {frame.picture.pixels for frame in decode(source, stats=stats)} == {96 * 128}
    assert stats.failed >= 25
    with open_source(str(tmp_path / "film.ts")) as source:
        assert {frame.picture.pixels for frame in decode(source)} == {96 * 128, 1088 * 1920}


def test_8k_is_decoded(tmp_path: Path) -> None:
    with open_source(str(black(tmp_path / "film.mkv", 7680, 4320))) as source:
        assert [frame.picture.rgb(16, 16).shape for frame in decode(source)] == [(16, 16, 3)]
