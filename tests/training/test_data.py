"""Recorded examples: what a folder or a CSV names, how it is divided, what its pictures are."""

import math
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.clock import SystemClock
from pipeline.cutting import cutter_of
from pipeline.decode import DecodeStats
from pipeline.errors import LongtakeError, UsageError
from pipeline.frames import Order, opened
from pipeline.source import SourceSettings
from pipeline.synthetic import ACTIONS, Scene, parse_uri
from pipeline.training.data.examples import counted
from pipeline.training.data.pictures import pictures
from pipeline.training.data.split import fold_for_test, hold_out, leave_one_out, to_be_judged_by, to_learn_from
from pipeline.training.data.table import read_table
from pipeline.values import ClipSpec, MotionSpec

CLIP = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=4)


def film(path: Path, seconds: float = 2.0, fps: int = 10) -> Path:
    """A film whose grey grows by 10 with every tenth of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "qp": "0"})
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv444p"
        for number in range(round(seconds * fps)):
            picture = np.full((32, 32, 3), number * 10, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("data")
    for name in ("wave/1.mp4", "wave/2.mp4", "walk/1.mp4"):
        film(made / name)
    return made


def table(folder: Path, *lines: str, query: str = ""):
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return read_table(f"{folder / 'data.csv'}{query}")


def test_a_folder_has_a_folder_per_label_and_every_video_is_its_own_group(folder):
    found = read_table(str(folder))
    assert found.labels == ("walk", "wave") and counted(found) == {"walk": 1, "wave": 2}
    assert found.groups == ("walk/1.mp4", "wave/1.mp4", "wave/2.mp4")


def test_a_csv_of_clips_names_files_beside_it(folder):
    found = table(folder, "file,label,group", "wave/1.mp4,wave,anna", "walk/1.mp4,walk,bob")
    assert [(Path(one.video).name, one.label, one.group) for one in found.examples] == [
        ("1.mp4", "wave", "anna"),
        ("1.mp4", "walk", "bob"),
    ]


def test_a_csv_of_segments_is_divided_by_any_of_its_columns_and_merges_labels(folder):
    lines = (
        "video,start_s,end_s,label,scene",
        "wave/1.mp4,0,1,wave,a",
        "wave/1.mp4,0.9,2,bow,a",
        "walk/1.mp4,0,2,walk,b",
    )
    found = table(folder, *lines, query="?group=scene&overlap_s=0.2&merge=bow:wave")
    assert found.labels == ("walk", "wave") and found.groups == ("a", "b")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            ("file,label", "wave/9.mp4,wave", "wave/8.mp4,walk"),
            "line 2: no file wave/9.mp4; line 3: no file wave/8.mp4",
        ),
        (("file,lable", "wave/1.mp4,wave"), "column 'label' is missing.*unknown column 'lable'"),
        (("file,label", "wave/1.mp4,wave", "wave/2.mp4,wave"), r"one label only \(wave\)"),
        (("file,label",), "it has no rows"),
        (
            ("video,start_s,end_s,label", "wave/1.mp4,2,1,wave"),
            "line 2: the segment ends at 1 s, not after its start at 2 s",
        ),
        (("video,start_s,end_s,label", "wave/1.mp4,0,x,wave"), "line 2: end_s is no number: 'x'"),
        (("video,start_s,end_s,label", "wave/1.mp4,-1,1,wave"), "line 2: start_s must be 0 or more seconds, got -1"),
        (
            ("video,start_s,end_s,label", "wave/1.mp4,0,1,wave", "wave/1.mp4,0.5,2,walk"),
            "line 3: overlaps line 2 by 0.50 s; see overlap_s",
        ),
    ],
)
def test_a_csv_is_refused_with_all_that_is_wrong_and_where(lines, complaint, folder):
    with pytest.raises(UsageError, match=complaint):
        table(folder, *lines)


def test_an_empty_folder_of_a_label_is_named(tmp_path):
    film(tmp_path / "wave" / "1.mp4")
    (tmp_path / "walk").mkdir()
    with pytest.raises(UsageError, match="folder 'walk' has no videos"):
        read_table(str(tmp_path))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [("?colour=red", "unknown option 'colour'"), ("?merge=a", "'a' is no old:new"), ("?group=age", "no column 'age'")],
)
def test_options_that_are_none_are_named(query, complaint, folder):
    with pytest.raises(UsageError, match=complaint):
        table(folder, "file,label,group", "wave/1.mp4,wave,a", "walk/1.mp4,walk,b", query=query)


def test_no_group_is_on_both_sides(folder):
    lines = [f"wave/1.mp4,{'wave' if number % 2 else 'walk'},{number // 3}" for number in range(12)]
    found = table(folder, "file,label,group", *lines)
    folds = leave_one_out(found)
    assert [fold.held_out for fold in folds] == ["0", "1", "2", "3"]
    for train, test in [*((fold.train, fold.test) for fold in folds), hold_out(found, "test", 0.4, seed=1)]:
        assert not set(train.groups) & set(test.groups) and train.labels == test.labels == found.labels
        assert len(train.examples) + len(test.examples) == 12
    assert len(hold_out(found, "test", 0.4, seed=1)[1].examples) == 6


def test_one_group_alone_cannot_be_divided(folder):
    found = table(folder, "file,label,group", "wave/1.mp4,wave,a", "walk/1.mp4,walk,a")
    for divide in (leave_one_out, lambda one: hold_out(one, "test", 0.5, 0)):
        with pytest.raises(UsageError, match=r"one group \(a\)"):
            divide(found)


def test_pictures_are_those_a_stream_would_see_at_their_time_and_decoded_once(folder, tmp_path):
    lines = ("video,start_s,end_s,label", "wave/1.mp4,0.4,1.2,wave", "walk/1.mp4,0,2,walk")
    found = table(folder, *lines)
    shown = pictures(found, CLIP, tmp_path, print).shown
    assert [len(one) for one in shown] == [4, 10]
    assert [int(one.mean()) for one in shown[0]] == pytest.approx([40, 60, 80, 100], abs=2)
    said: list[str] = []
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = pictures(found, CLIP, tmp_path, said.append)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert all(np.array_equal(one, other) for one, other in zip(shown, again.shown, strict=True))


def moving_film(path: Path) -> Path:
    """A film of a rough thing that crosses the picture."""
    thing = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(24):
            picture = np.full((64, 64, 3), 128, np.uint8)
            picture[24:40, 2 * number : 2 * number + 16] = thing
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def test_each_picture_has_the_motion_of_a_live_clip_that_ends_with_it(tmp_path):
    clip = ClipSpec(frames=4, height=32, width=32, fps=5.0, stride=2, motion=MotionSpec(3, 16, 32))
    for label in ("walk", "run"):
        (tmp_path / label).mkdir()
        moving_film(tmp_path / label / "1.mp4")
    found = pictures(read_table(str(tmp_path)), clip, tmp_path / "cache", print)
    assert [len(one) for one in found.shown] == [len(one) for one in found.motions] == [12, 12]
    cutter = cutter_of("cam", clip)
    order = Order(str(tmp_path / "walk" / "1.mp4"), SourceSettings(), 32, 32, clip.scaling, clip.motion)
    with opened(order, DecodeStats(), SystemClock()) as source:
        live = [item for frame in source.frames for item in cutter.push(frame)] + cutter.finish()
    assert [one.ordinal for one in live] == [3, 5, 7, 9, 11]
    for one in live:
        assert one.motion.tobytes() == found.motions[0][one.ordinal].tobytes()
        assert one.motion.any()
    assert not found.motions[0][:3].any(), "no live clip ends there"


def test_pictures_are_decoded_once_for_models_with_and_without_motion(tmp_path):
    for label in ("walk", "run"):
        (tmp_path / label).mkdir()
        moving_film(tmp_path / label / "1.mp4")
    table, cache = read_table(str(tmp_path)), tmp_path / "cache"
    assert pictures(table, CLIP, cache, print).motions == ()
    written = sorted(cache.iterdir())
    pictures(table, replace(CLIP, motion=MotionSpec(3, 16, 32)), cache, print)
    assert sorted(path for path in cache.iterdir() if path.suffix == ".u8") == written
    assert len(list(cache.iterdir())) == 2 * len(written)


def test_a_segment_after_the_end_of_its_video_is_named(folder, tmp_path):
    found = table(folder, "video,start_s,end_s,label", "wave/1.mp4,5,6,wave", "walk/1.mp4,0,2,walk")
    with pytest.raises(LongtakeError, match=r"ends at 2.0 s, before wave at 5 s"):
        pictures(found, CLIP, tmp_path, print)


def test_scenes_are_examples_of_one_action_each_and_their_seeds_say_on_which_side_they_are():
    found = read_table("synthetic://seeds=20000-20001,10000,0&duration=20")
    assert {(one.group, one.split) for one in found.examples} == {
        ("seed 20000", "train"),
        ("seed 20001", "train"),
        ("seed 10000", "validation"),
        ("seed 0", "test"),
    }
    for one in found.examples:
        truth = Scene(parse_uri(one.video)[0]).truth
        held = [truth.active(time_s) & set(ACTIONS) for time_s in (one.start_s, (one.start_s + one.end_s) / 2)]
        assert held == [{one.label}] * 2


def test_a_column_may_say_which_examples_choose_the_weights_and_which_are_a_test(folder):
    splits = ("train", "validation", "test", "")
    rows = [f"{video},{video[:4]},{split},{split}" for split in splits for video in ("wave/1.mp4", "walk/1.mp4")]
    found = table(folder, "file,label,group,split", *rows)
    assert to_be_judged_by(found).examples == found.examples[4:6] == fold_for_test(found, seed=0).test.examples
    rest, validation = hold_out(to_learn_from(found), "validation", 0.9, seed=0)
    assert validation.examples == found.examples[2:4]
    assert rest.examples == found.examples[:2] + found.examples[6:]


def test_where_all_examples_are_a_test_nothing_can_be_learned(folder):
    found = table(folder, "file,label,split", "wave/1.mp4,wave,test", "walk/1.mp4,walk,test")
    with pytest.raises(UsageError, match="nothing is left to learn from"):
        fold_for_test(found, seed=0)


def test_pictures_of_scenes_are_those_of_their_streams(tmp_path):
    found = read_table("synthetic://seeds=20000-20001&duration=8")
    shown = pictures(found, CLIP, tmp_path, print).shown
    for example, pixels in zip(found.examples, shown, strict=True):
        first = max(0, min(math.ceil(example.start_s * 5), 40 - CLIP.frames))
        if example.end_s - example.start_s > 1:
            assert np.array_equal(pixels[0], Scene(parse_uri(example.video)[0]).render(first / 5, 16, 16))


def test_a_segment_shorter_than_a_clip_is_shown_with_what_happens_around_it(folder, tmp_path):
    lines = ("video,start_s,end_s,label", "wave/1.mp4,1.0,1.4,wave", "walk/1.mp4,1.8,2,walk", "wave/2.mp4,0,0.2,wave")
    shown = pictures(table(folder, *lines), CLIP, tmp_path, print).shown
    greys = [[int(picture.mean()) for picture in one] for one in shown]
    assert greys == [
        pytest.approx(wanted, abs=2) for wanted in ([80, 100, 120, 140], [120, 140, 160, 180], [0, 20, 40, 60])
    ]
