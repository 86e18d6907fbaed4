"""The film of a segment: every frame of it, at its time, and no other."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import LongtakeError, SourceNotFound, UsageError
from pipeline.export.film import Recording, cut
from pipeline.timeline.reads import Span
from tests.export.films import drawn, number_of


def shown(path: Path) -> list[tuple[float, int]]:
    """Seconds and number of every frame."""
    with av.open(str(path)) as container:
        return [
            (round(frame.time, 3), number_of(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("begins_s", [0.0, 1.7e9])
def test_a_cut_begins_at_the_first_frame_at_or_after_its_start_and_ends_before_its_end(numbered, tmp_path, begins_s):
    film = cut(Recording(str(numbered), begins_s), Span(begins_s + 4.25, begins_s + 5.0), tmp_path / "out.mp4")
    assert (film.start_s - begins_s, film.end_s - begins_s) == pytest.approx((4.3, 5.0), abs=1e-6)
    assert film.frames == 7
    assert shown(tmp_path / "out.mp4") == [(round(n * 0.1, 3), 43 + n) for n in range(7)]


def test_a_cut_over_the_edges_of_a_recording_shows_what_there_is(numbered, tmp_path):
    assert cut(Recording(str(numbered), 0.0), Span(-2.0, 0.2), tmp_path / "start.mp4").frames == 2
    assert [number for _, number in shown(tmp_path / "start.mp4")] == [0, 1]
    cut(Recording(str(numbered), 0.0), Span(9.75, 12.0), tmp_path / "end.mkv")
    assert [number for _, number in shown(tmp_path / "end.mkv")] == [98, 99]


def test_a_recording_whose_time_jumps_is_cut_where_the_timeline_has_it(numbered, tmp_path):
    """After frame 49 the recorder's time stamps jump 10 s ahead, which the timeline shows as a gap."""
    jumped = tmp_path / "jumped.mkv"
    with av.open(str(jumped), "w") as container:
        stream = container.add_stream("libx264", options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 112, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(100):
            frame = drawn(number)
            frame.pts, frame.time_base = number * 100 + (10_000 if number >= 50 else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    film = cut(Recording(str(jumped), 0.0, steady=False), Span(16.0, 17.0), tmp_path / "out.mp4")
    assert film.start_s == pytest.approx(16.0, abs=0.05)
    assert [number for _, number in shown(tmp_path / "out.mp4")] == list(range(60, 70))


@pytest.mark.slow
def test_a_synthetic_recording_is_filmed_again(tmp_path):
    film = cut(Recording("synthetic://seed=3&duration=4&fps=10&size=96x72", 0.0), Span(1.0, 1.2), tmp_path / "out.mp4")
    assert (film.start_s, film.frames) == (1.0, 2)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (96, 72)


def test_odd_sides_lose_a_pixel_and_colours_stay(tmp_path):
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 97, 73, "bgr0"
        red = np.zeros((73, 97, 3), np.uint8)
        red[:] = (200, 30, 60)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())
    cut(Recording(str(path), 0.0), Span(0.0, 1.0), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (96, 72)
    assert np.abs(frame.to_ndarray(format="rgb24")[36, 48].astype(int) - (200, 30, 60)).max() <= 4


def test_nothing_is_left_of_a_cut_that_fails(numbered, tmp_path):
    with pytest.raises(UsageError, match=r"shows nothing between 20.000 and 30.000 s"):
        cut(Recording(str(numbered), 0.0), Span(20.0, 30.0), tmp_path / "out.mp4")
    with pytest.raises(UsageError, match=r"out.avi should end in .mp4, .mkv or .mov"):
        cut(Recording(str(numbered), 0.0), Span(0.0, 1.0), tmp_path / "out.avi")
    with pytest.raises(SourceNotFound):
        cut(Recording(str(tmp_path / "none.mp4"), 0.0), Span(0.0, 1.0), tmp_path / "out.mp4")
    with pytest.raises(LongtakeError, match="cannot be written: No such file or directory"):
        cut(Recording(str(numbered), 0.0), Span(0.0, 1.0), tmp_path / "none" / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_never_written_over(numbered):
    with pytest.raises(UsageError, match="is the recording itself; write to another file"):
        cut(Recording(str(numbered), 0.0), Span(0.0, 1.0), numbered)
    assert len(shown(numbered)) == 100
