"""Films made on the spot, decoded through an opened source."""

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.decode import DecodeStats, decode
from pipeline.errors import SourceUnreadable
from pipeline.source import open_source
from pipeline.values import DecodedFrame
from tests.decode.films import film, numbered, steady


def read(path: Path, *, threads: int = 1, start_at_s: float | None = None) -> tuple[list[DecodedFrame], DecodeStats]:
    stats = DecodeStats()
    with open_source(str(path), start_at_s=start_at_s) as source:
        return list(decode(source, threads=threads, stats=stats)), stats


@pytest.fixture(scope="module")
def ten_seconds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "ten.mp4", steady(250))


def damaged(path: Path, clean: Path, places: int, seed: int = 0) -> Path:
    """Copy `clean` with random bytes overwritten in its middle half."""
    content = bytearray(clean.read_bytes())
    chance = random.Random(seed)
    for _ in range(places):
        content[chance.randrange(len(content) // 4, len(content) * 3 // 4)] = chance.randrange(256)
    path.write_bytes(content)
    return path


def test_every_frame_comes_out_in_order_at_its_time(ten_seconds: Path) -> None:
    frames, stats = read(ten_seconds)
    assert [frame.pts_s for frame in frames] == pytest.approx(steady(250), abs=1e-4)
    assert {(frame.epoch, frame.corrupt) for frame in frames} == {(0, False)}
    assert (stats.frames_decoded, stats.corrupt, stats.errors) == (250, 0, [])
    for number in (0, 1, 77, 249):
        expected = numbered(number).astype(int)
        assert np.abs(frames[number].picture.rgb(96, 128) - expected).mean() < 4


def test_any_number_of_threads_gives_the_same_bytes(ten_seconds: Path) -> None:
    one, three = (read(ten_seconds, threads=threads)[0] for threads in (1, 3))
    assert [frame.pts_s for frame in one] == [frame.pts_s for frame in three]
    for a, b in zip(one[::10], three[::10], strict=True):
        assert a.picture.rgb(64, 64).tobytes() == b.picture.rgb(64, 64).tobytes()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "webm"])
def test_containers_agree_on_the_times(tmp_path: Path, suffix: str) -> None:
    codec = {"avi": "mpeg4", "webm": "libvpx"}.get(suffix, "libx264")
    ticks = 25 if suffix == "avi" else 90000
    options = {"bf": "0"} if suffix == "avi" else {"deadline": "realtime"} if suffix == "webm" else {}
    frames, _ = read(film(tmp_path / f"film.{suffix}", steady(30), codec=codec, options=options, ticks=ticks))
    assert [frame.pts_s for frame in frames] == pytest.approx(steady(30), abs=1e-3)


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    pts = [0.0, 0.04, 0.5, 0.52, 1.4, 1.41, 1.9]
    frames, _ = read(film(tmp_path / "film.mkv", pts))
    assert [frame.pts_s for frame in frames] == pytest.approx(pts, abs=1e-3)


def test_a_hole_in_a_recording_begins_an_epoch(tmp_path: Path) -> None:
    frames, _ = read(film(tmp_path / "film.mkv", steady(25) + steady(25, start_s=9.0)))
    assert [frame.epoch for frame in frames] == [0] * 25 + [1] * 25
    assert frames[25].skipped_s == pytest.approx(8.0, abs=2e-3)


def test_recordings_pasted_together_are_epochs_with_nothing_skipped(tmp_path: Path) -> None:
    parts = [film(tmp_path / f"{number}.ts", steady(50)).read_bytes() for number in range(2)]
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    frames, _ = read(tmp_path / "both.ts")
    assert len(frames) == 100
    assert [frame.epoch for frame in frames] == [0] * 50 + [1] * 50
    assert [frame.skipped_s for frame in frames] == [0.0] * 100


@pytest.mark.parametrize("threads", [1, 2])
def test_damage_in_the_middle_is_marked_and_ends_nothing(tmp_path: Path, ten_seconds: Path, threads: int) -> None:
    frames, stats = read(damaged(tmp_path / "bad.mp4", ten_seconds, 40), threads=threads)
    assert stats.frames_decoded == len(frames) > 200
    assert stats.corrupt == sum(frame.corrupt for frame in frames) > 0
    assert stats.failed >= len(stats.errors) > 0
    assert all("could not be decoded" in sentence for sentence in stats.errors)
    assert frames[-1].pts_s == pytest.approx(9.96, abs=1e-3)
    assert not any(frame.corrupt for frame in frames[:25])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])
def test_no_damage_makes_the_decoder_crash_or_hang(tmp_path: Path, suffix: str, seed: int) -> None:
    clean = film(tmp_path / f"clean.{suffix}", steady(100))
    path = damaged(tmp_path / f"bad.{suffix}", clean, 3**seed % 5000, seed)
    if seed % 3 == 0:
        path.write_bytes(path.read_bytes()[: clean.stat().st_size * 4 // 5])
    try:
        frames, stats = read(path, threads=1 + seed % 3)
    except SourceUnreadable as error:
        assert str(path) in str(error)
    else:
        assert stats.frames_decoded == len(frames) <= 102


def test_damage_decodes_the_same_twice_with_one_thread(tmp_path: Path, ten_seconds: Path) -> None:
    path = damaged(tmp_path / "bad.mp4", ten_seconds, 200)
    seen = [[(f.pts_s, f.corrupt, f.picture.rgb(16, 16).tobytes()) for f in read(path)[0]] for _ in range(2)]
    assert seen[0] == seen[1]


def test_a_recording_cut_short_says_so_and_keeps_its_frames(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4", steady(250), container_options={"movflags": "faststart"})
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, stats = read(cut)
    assert 50 < len(frames) < 200
    assert any("truncated" in sentence for sentence in stats.errors)


def test_a_film_whose_pictures_cannot_be_decoded_is_one_clear_error(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mkv", steady(25), codec="mpeg4", ticks=1000)
    with av.open(str(whole)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = whole.read_bytes()
    for packet in packets:
        content = content.replace(packet, bytes(len(packet)))
    (tmp_path / "blank.mkv").write_bytes(content)
    with pytest.raises(SourceUnreadable, match=r"no frame of .*blank\.mkv could be decoded"):
        read(tmp_path / "blank.mkv")


@pytest.mark.parametrize(("start_at_s", "earliest_s"), [(0.0, 0.0), (0.5, 0.0), (5.0, 2.0), (9.9, 7.0), (1e6, 7.0)])
def test_a_seek_lands_before_what_is_wanted_with_the_same_times(
    ten_seconds: Path, start_at_s: float, earliest_s: float
) -> None:
    whole, _ = read(ten_seconds)
    part, _ = read(ten_seconds, start_at_s=start_at_s)
    assert earliest_s <= part[0].pts_s <= start_at_s
    expected = {round(frame.pts_s, 4): frame.picture.rgb(32, 32).tobytes() for frame in whole}
    assert all(expected[round(frame.pts_s, 4)] == frame.picture.rgb(32, 32).tobytes() for frame in part)


def test_wall_time_counts_from_the_recorders_date(tmp_path: Path) -> None:
    path = tmp_path / "dated.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T12:00:00.000000Z"
        stream = container.add_stream("libx264", rate=Fraction(10))
        stream.height = stream.width = 64
        for number in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number, 64, 64), format="rgb24")))
        container.mux(stream.encode())
    frames, _ = read(path)
    assert [frame.wall_s for frame in frames] == pytest.approx([1714564800 + number / 10 for number in range(10)])
