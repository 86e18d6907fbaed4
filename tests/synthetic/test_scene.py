"""Pictures: the same bytes every time, independent of each other, alike at all sizes."""

import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.synthetic import Scene, SceneSpec, frame_count, frames, write_video


def test_equal_specs_give_equal_bytes() -> None:
    first, second = Scene(SceneSpec(11, 20.0, 2)), Scene(SceneSpec(11, 20.0, 2))
    assert first.truth == second.truth
    for t in (0.0, 3.3, 12.04):
        assert np.array_equal(first.render(t, 60, 80), second.render(t, 60, 80))


def test_a_frame_does_not_depend_on_what_was_rendered_before() -> None:
    forward, backward = Scene(SceneSpec(12)), Scene(SceneSpec(12))
    times = [1.0, 9.2, 30.0, 9.24]
    ahead = [forward.render(t, 112, 112) for t in times]
    backward.render(50.0, 480, 640)
    back = [backward.render(t, 112, 112) for t in reversed(times)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(ahead, back, strict=True))


def test_a_longer_scene_begins_like_a_shorter_one() -> None:
    short, long = Scene(SceneSpec(13, 10.0)), Scene(SceneSpec(13, 40.0))
    assert np.array_equal(short.render(5.0, 60, 80), long.render(5.0, 60, 80))


def test_other_seeds_look_different() -> None:
    pictures = [Scene(SceneSpec(seed)).render(0.0, 30, 40).astype(int) for seed in range(4)]
    assert all(np.abs(a - b).mean() > 5 for i, a in enumerate(pictures) for b in pictures[:i])


def test_noise_is_new_in_every_frame() -> None:
    scene = Scene(SceneSpec(14))
    a, b = (scene.render(t, 48, 64).astype(int) for t in (0.0, 0.04))
    assert (a != b).mean() > 0.2


@pytest.mark.parametrize("seed", [1, 2, 20_003])
def test_a_small_picture_looks_like_the_large_one_scaled_down(seed: int) -> None:
    scene = Scene(SceneSpec(seed))
    for t in (2.0, 14.0, 33.0):
        scaled = cv2.resize(scene.render(t, 480, 640), (112, 112), interpolation=cv2.INTER_AREA)
        difference = np.abs(scaled.astype(int) - scene.render(t, 112, 112))
        assert difference.mean() < 3.0
        assert np.percentile(difference, 99) < 30


def test_a_visible_person_changes_the_picture() -> None:
    scene = Scene(SceneSpec(7))
    start, end = next(stretch for seen in scene.seen for stretch in seen)
    busy = scene.render((start + end) / 2, 120, 160).astype(int)
    empty = np.median([scene.render(t, 120, 160) for t in np.linspace(0, 59, 25)], axis=0)
    assert (np.abs(busy - empty).max(axis=2) > 40).sum() > 150


def test_frames_are_lazy_and_seek() -> None:
    spec = SceneSpec(7, 2.0)
    every = list(frames(spec, 10.0))
    later = list(frames(spec, 10.0, start_at_s=1.05))
    assert [frame.pts_s for frame in every] == [n / 10 for n in range(20)]
    assert [frame.pts_s for frame in later] == [n / 10 for n in range(11, 20)]
    picture = later[0].picture.rgb(48, 64)
    assert picture.shape == (48, 64, 3) and picture.flags.c_contiguous and picture.dtype == np.uint8
    assert np.array_equal(picture, every[11].picture.rgb(48, 64))


def test_a_scene_shorter_than_a_frame_has_one() -> None:
    assert [frame_count(SceneSpec(7, seconds)) for seconds in (0.01, 0.04, 1.0, 59.99)] == [1, 1, 25, 1499]


def test_a_written_video_holds_the_scene_and_its_timeline(tmp_path: Path) -> None:
    spec = SceneSpec(7, 2.0)
    beside = write_video(tmp_path / "out.mp4", spec, 25.0, (160, 120))
    assert beside == tmp_path / "out.json"
    assert beside.read_text() == Scene(spec).truth.json("out")
    with av.open(str(tmp_path / "out.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].codec_context.name == "h264"
    assert len(decoded) == 50
    assert np.abs(decoded[30].astype(int) - Scene(spec).render(30 / 25, 120, 160)).mean() < 8


def test_an_odd_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        write_video(tmp_path / "out.mp4", SceneSpec(7, 1.0), 25.0, (161, 120))


@pytest.mark.slow
def test_small_frames_render_fast_enough_to_train_from() -> None:
    cv2.setNumThreads(1)
    scene = Scene(SceneSpec(20_000))
    scene.render(0.0, 112, 112)
    began = time.process_time()
    for n in range(200):
        scene.render(0.2 * n, 112, 112)
    assert 200 / (time.process_time() - began) > 200
