"""What `longtake doctor` is told."""

import json
from pathlib import Path

import pytest

from pipeline.errors import SourceNotFound, SourceUnreadable
from pipeline.probe import probe
from pipeline.values import ClipSpec, GapReason
from tests.decode.films import film, steady


def test_a_plain_film_is_told_in_full(tmp_path: Path) -> None:
    told = probe(str(film(tmp_path / "film.mp4", steady(250))))
    assert (told.frames_decoded, told.corrupt, told.frames_kept, told.clips) == (250, 0, 50, 10)
    assert (told.gaps, told.errors, told.complete, told.rotation) == ((), (), True, 0)
    assert told.watched_s == pytest.approx(10.0)
    assert told.timing.measured_rate == pytest.approx(25.0)
    assert (told.timing.epochs, told.timing.variable, told.timing.backward) == (1, False, 0)
    assert told.decode_rate > 0


def test_the_figures_follow_the_clip_grid(tmp_path: Path) -> None:
    spec = ClipSpec(frames=8, fps=2.0, stride=8, height=32, width=32)
    told = probe(str(film(tmp_path / "film.mp4", steady(250))), spec=spec)
    assert (told.frames_kept, told.clips) == (20, 3)


def test_oddities_of_time_are_told(tmp_path: Path) -> None:
    told = probe(str(film(tmp_path / "film.mkv", steady(25) + steady(25, rate=10.0, start_s=9.0), rotation=90)))
    assert (told.timing.epochs, told.timing.variable, told.rotation) == (2, True, 90)
    assert [gap.reason for gap in told.gaps] == [GapReason.STALLED]
    assert told.timing.longest_s == pytest.approx(8.04, abs=2e-3)


def test_packed_b_frames_and_late_starts_are_told(shared_data: Path) -> None:
    assert probe(str(shared_data / "edge" / "uti_packed_bframes" / "0_1_4.avi")).timing.backward == 44
    assert probe(str(shared_data / "edge" / "exo_sample_h265.ts")).timing.first_pts_s == pytest.approx(1.4667, abs=1e-3)


def test_a_probe_is_json(tmp_path: Path) -> None:
    told = json.loads(json.dumps(probe(str(film(tmp_path / "film.mp4", steady(5)))).to_json()))
    assert told["info"]["codec"] == "h264" and told["frames_decoded"] == 5 and told["spec"]["frames"] == 16


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"x" * 1000)
    with pytest.raises(SourceUnreadable):
        probe(str(tmp_path / "noise.mp4"))
    with pytest.raises(SourceNotFound):
        probe(str(tmp_path / "missing.mp4"))


def test_a_synthetic_scene_is_probed_like_a_recording() -> None:
    told = probe("synthetic://seed=3&duration=4&fps=10&size=64x48")
    assert (told.info.kind, told.frames_decoded, told.frames_kept, told.clips) == ("synthetic", 40, 20, 2)
    assert told.timing.measured_rate == pytest.approx(10.0)
