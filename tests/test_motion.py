"""Motion and scaling on the whole way from a film to its clips: the same bytes however the film is read."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import SystemClock
from pipeline.decode import DecodeStats
from pipeline.errors import SourceError
from pipeline.frames import Order, opened
from pipeline.hooks import Hooks
from pipeline.probe import probe
from pipeline.reader import Reader, ReadSettings
from pipeline.source import SourceSettings
from pipeline.values import Checkpoint, Clip, ClipSpec, Gap, MotionSpec, Scaling
from tests.decode.films import film, steady
from tests.decode.test_border import BEGINNING, PATIENCE_S, damaged
from tests.motion.textures import end_point_error, sliding_film

DIS, VECTORS = MotionSpec(4, 32, 48, "dis"), MotionSpec(4, 32, 48, "vectors")
STEADY = list(range(100))
UNEVEN = [tick for tick in range(120) if tick % 5 not in (2, 3)]


def spec_of(motion: MotionSpec | None, scaling: Scaling | None = None) -> ClipSpec:
    return ClipSpec(frames=4, height=16, width=24, fps=5.0, stride=2, scaling=scaling, motion=motion)


def read(uri: Path | str, spec: ClipSpec, checkpoint: Checkpoint = BEGINNING, isolated: bool = False, threads: int = 1):
    settings = ReadSettings(SourceSettings(isolated=isolated, silence_s=PATIENCE_S), threads=threads)
    reader = Reader("film", str(uri), spec, settings, Hooks(), SystemClock())
    return list(reader.read(checkpoint, threading.Event()))


def seen(items: list[Clip | Gap]) -> list[tuple[str, bytes, bytes]]:
    """Everything of clips and gaps, with pixels and motion."""
    return [
        (repr(one), one.frames.tobytes(), b"" if one.motion is None else one.motion.tobytes())
        if isinstance(one, Clip)
        else (repr(one), b"", b"")
        for one in items
    ]


def after(clip: Clip) -> Checkpoint:
    place = (clip.epoch, clip.step, clip.origin_s, clip.ordinal, clip.pts_s, clip.digest, clip.end_s, clip.end_s)
    return Checkpoint("film", *place, np.empty(0, np.float32), b"", None, "none", "none", "film")


@pytest.mark.parametrize("motion", [DIS, VECTORS], ids=["dis", "vectors"])
@pytest.mark.parametrize("ticks", [STEADY, UNEVEN], ids=["steady", "uneven"])
def test_a_reading_that_is_resumed_gives_the_motion_of_an_undisturbed_one(
    tmp_path: Path, ticks: list[int], motion: MotionSpec
) -> None:
    path = sliding_film(tmp_path / "film.mp4", ticks, 0.5, 0.25, options={"g": "20"}, size=(64, 96))
    whole = read(path, spec_of(motion))
    for at in range(0, len(whole) - 1, 2):
        assert seen(read(path, spec_of(motion), after(whole[at]))) == seen(whole[at + 1 :])


@pytest.mark.parametrize("motion", [DIS, VECTORS], ids=["dis", "vectors"])
def test_a_source_decoded_apart_gives_the_same_motion_and_pictures(tmp_path: Path, motion: MotionSpec) -> None:
    spec = spec_of(motion, Scaling(20, exact=True))
    for path in (
        sliding_film(tmp_path / "film.mp4", STEADY[:50], 0.5, 0.25, size=(64, 96), rotation=90),
        damaged(tmp_path),
    ):
        here = read(path, spec)
        assert seen(read(path, spec, isolated=True)) == seen(here)
        assert len(here) > 2


def test_decoder_threads_change_no_motion(tmp_path: Path) -> None:
    path = sliding_film(tmp_path / "film.mp4", STEADY[:50], 0.5, 0.25, size=(64, 96))
    for motion in (DIS, VECTORS):
        assert seen(read(path, spec_of(motion), threads=3)) == seen(read(path, spec_of(motion)))


@pytest.mark.parametrize("motion", [DIS, VECTORS], ids=["dis", "vectors"])
def test_a_sliding_film_has_the_motion_it_slides_by(tmp_path: Path, motion: MotionSpec) -> None:
    path = sliding_film(tmp_path / "film.mp4", STEADY[:40], 3.0, 1.0, size=(128, 192), options={"refs": "1"})
    clips = read(path, spec_of(motion))
    errors = [
        end_point_error(field, 3.0 * 48 / 192, 1.0 * 32 / 128, margin=4) for clip in clips for field in clip.motion
    ]
    assert len(errors) == 4 * len(clips) and np.mean(errors) < 0.2


def test_pixels_do_not_depend_on_whether_motion_is_asked_for(tmp_path: Path) -> None:
    path = sliding_film(tmp_path / "film.mp4", STEADY[:30], 0.5, 0.25, size=(64, 96))
    plain = read(path, spec_of(None))
    assert all(clip.motion is None for clip in plain)
    for motion in (DIS, VECTORS):
        assert [clip.digest for clip in read(path, spec_of(motion))] == [clip.digest for clip in plain]


def test_a_synthetic_scene_moves_as_it_is_rendered() -> None:
    uri = "synthetic://seed=7&duration=6&fps=10"
    whole = read(uri, spec_of(DIS))
    assert seen(read(uri, spec_of(DIS), after(whole[3]))) == seen(whole[4:])
    assert any(np.abs(clip.motion).max() > 0.5 for clip in whole)
    with pytest.raises(SourceError, match="holds no motion vectors"):
        read(uri, spec_of(VECTORS))


def test_a_codec_without_vectors_is_an_error_of_the_source_apart_too(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", steady(5), codec="mpeg2video", options={"bf": "0"}, ticks=25)
    for isolated in (False, True):
        with pytest.raises(
            SourceError, match=r"film.mkv is coded in mpeg2video, whose decoder tells no motion vectors"
        ):
            read(path, spec_of(VECTORS), isolated=isolated)


@pytest.mark.parametrize("motion", [DIS, VECTORS, replace(DIS, method="raft")], ids=["dis", "vectors", "raft"])
def test_all_that_is_wanted_of_the_last_picture_can_be_had_after_its_process_has_ended(
    tmp_path: Path, motion: MotionSpec
) -> None:
    path = sliding_film(tmp_path / "film.mp4", STEADY[:10], 3.0, 1.0, size=(64, 96))
    last = []
    for isolated in (False, True):
        settings = SourceSettings(isolated=isolated, silence_s=PATIENCE_S)
        order = Order(str(path), settings, 16, 24, scaling=Scaling(20), motion=motion)
        with opened(order, DecodeStats(), SystemClock()) as source:
            picture = [next(source.frames) for _ in range(7)][-1].picture
        wanted = (picture.vectors if motion is VECTORS else picture.rgb)(*motion.looked_at)
        last.append((picture.rgb(16, 24, Scaling(20)).tobytes(), wanted.tobytes()))
    assert last[0] == last[1]


def test_an_order_crosses_to_another_process_whole() -> None:
    order = Order("film.mp4", SourceSettings(), 16, 24, Scaling(20, 30, True), VECTORS, 1.5, epoch=2, watchdog_s=3.0)
    assert Order.from_json(order.to_json()) == order
    plain = Order("film.mp4", SourceSettings(), 16, 24)
    assert Order.from_json(plain.to_json()) == plain


def test_doctor_reads_what_a_run_would(tmp_path: Path) -> None:
    path = sliding_film(tmp_path / "film.mp4", STEADY[:30], 0.5, 0.25, size=(64, 96))
    for motion in (DIS, VECTORS):
        assert probe(str(path), spec=spec_of(motion, Scaling(20))).clips == len(read(path, spec_of(motion)))
