"""find, stats, export and clip as a user meets them: answers, files, sentences."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore
from tests.ask.streams import segment, watched
from tests.export.films import write_numbered

NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("films") / "numbered.mp4")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, numbered: Path) -> Iterator[Path]:
    """A store of a film of ten seconds and of two cameras that were watched from noon on."""
    place = tmp_path_factory.mktemp("home")
    with TimelineStore.open(None, place) as store:
        film = [segment("film", "walk", 1.0, 3.0, "w1"), segment("film", "run", 4.05, 5.0, "r1")]
        watched(store, "film", film, source=str(numbered), until_s=10.0)
        fall = segment("dock-1", "fall", NOON + 600, NOON + 605, "f1", 0.9)
        run = segment("dock-1", "run", NOON + 610, NOON + 5000, "r2")
        watched(store, "dock-1", [fall, run], from_s=NOON, until_s=NOON + 7200, source="rtsp://dock/1", live=True)
        fall = segment("dock-2", "fall", NOON + 900, None, "f2", 0.6)
        watched(store, "dock-2", [fall], from_s=NOON, until_s=NOON + 7200, source="rtsp://dock/2", live=True)
        yield place


@pytest.fixture
def call(home, monkeypatch):
    """Run a command in this process; returns what it printed, or raises the error that `main` would show."""
    monkeypatch.setenv("LONGTAKE_HOME", str(home))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


def test_find_names_the_stream_both_segments_and_their_times(call):
    printed = call("find", "--label", "fall", "--within", "30s", "--of", "run")
    [row] = [" ".join(line.split()) for line in printed.splitlines() if "dock-1" in line]
    assert row == "dock-1 2023-11-15 12:10:00.0 12:10:05.0 fall 2023-11-15 12:10:10.0 13:23:20.0 run 5.0 s"
    assert "dock-2" not in printed and "1 segment on 1 stream" in printed


def test_find_asks_about_a_range_and_some_streams(call):
    found = json.loads(call("find", "--label", "fall", "--after", "12:12", "--streams", "dock-*", "--format", "json"))
    [one] = found["found"]
    assert (one["segment"]["stream"], one["segment"]["end_time"], one["other"]) == ("dock-2", None, None)
    assert call("find", "--label", "fall", "--streams", "film,dock-1", "--after", "2023-11-15T13:00:00Z") == ""


def test_find_writes_csv_to_a_file(call, tmp_path):
    call("find", "--label", "run", "--following", "fall", "--format", "csv", "-o", tmp_path / "found.csv")
    [row] = csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text()))
    assert (row["stream"], row["id"], row["other_id"], row["apart"]) == ("dock-1", "r2", "f1", "5.0")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--during run --following run", "one relation at a time, got --during and --following"),
        ("--within 30s", "--within says how far from another label: give that one with --of LABEL"),
        ("--of run", "--of LABEL needs to know how far: --within 30s"),
        ("--during fall", "'fall' always holds during itself"),
        ("--during run --within 3s", "--during is at the same time"),
        ("--during rum", "there is no label 'rum'; did you mean run?"),
        ("--streams dok-1", "there is no stream 'dok-1'; did you mean dock-1"),
        ("--streams x*", "no stream matches x*; longtake streams ls shows them"),
        ("--after 12:30 --before 12:20", "--after must lie before --before, got 12:30 and 12:20"),
        ("--min-score 2", "--min-score must lie between 0 and 1, got 2"),
        ("-o found.txt", "a table is for the terminal; give --format json or csv for a file"),
    ],
)
def test_find_says_what_is_wrong(call, words, sentence):
    with pytest.raises(UsageError) as caught:
        call("find", "--label", "fall", *words.split())
    assert sentence in str(caught.value)


def test_stats_add_up_what_has_ended(call):
    rows = json.loads(call("stats", "--by", "label,hour", "--streams", "dock-*", "--format", "json"))["rows"]
    assert rows == [
        {"label": "fall", "hour": NOON, "seconds": 5.0, "count": 1},
        {"label": "run", "hour": NOON, "seconds": 2990.0, "count": 1},
        {"label": "run", "hour": NOON + 3600, "seconds": 1400.0, "count": 0},
    ]
    assert call("stats", "--label", "run", "--after", "13:20", "--by", "stream", "--format", "csv") == (
        "stream,seconds,count\ndock-1,200.0,0\n"
    )
    assert "all" in call("stats").splitlines()[-2]
    assert call("stats", "--streams", "dock-2") == ""


def test_an_export_of_several_streams_is_one_table_in_a_file_or_a_file_each_in_a_folder(call, tmp_path):
    call("export", "dock-*", "film", "--format", "parquet", "-o", tmp_path / "all.parquet", "--label", "run")
    table = pyarrow.parquet.read_table(tmp_path / "all.parquet")
    assert list(zip(table["stream"].to_pylist(), table["id"].to_pylist(), strict=True)) == [
        ("dock-1", "r2"),
        ("film", "r1"),
    ]
    for format in ("parquet", "arrow", "csv", "json", "webvtt", "elan"):
        call("export", "dock-*", "--format", format, "-o", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "all.parquet",
        *(f"dock-{n}.{suffix}" for n in (1, 2) for suffix in ("parquet", "arrow", "csv", "json", "vtt", "eaf")),
    }
    assert (tmp_path / "dock-1.json").read_text() == call("timeline", "dock-1", "--format", "json")


def test_an_export_goes_to_standard_output_without_a_file(call):
    assert call("export", "film", "--format", "json") == call("timeline", "film", "--format", "json")
    both = json.loads(call("export", "film", "dock-1", "--format", "json"))["timelines"]
    assert [one["stream"] for one in both] == ["dock-1", "film"]
    assert call("export", "film", "--format", "webvtt", "--min-score", "0.9") == "WEBVTT\n\nNOTE film\n"


def test_captions_of_several_streams_do_not_go_into_one_file(call, tmp_path):
    with pytest.raises(
        UsageError, match="a file of webvtt holds one stream, got 2; give a folder that is there with -o"
    ):
        call("export", "dock-*", "--format", "webvtt", "-o", tmp_path / "all.vtt")


def test_a_clip_shows_a_segment_with_some_time_around_it(call, tmp_path):
    call("clip", "film", "r1", tmp_path / "out.mp4", "--padding", "0.5s")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 19  # from 3.6 s on, before 5.5 s


def test_a_clip_of_a_camera_needs_a_recording_and_when_it_began(call, tmp_path, numbered):
    with pytest.raises(
        UsageError, match="dock-1 is live: there is no recording of it; give one with --source FILE --st"
    ):
        call("clip", "dock-1", "f1", tmp_path / "out.mp4")
    with pytest.raises(UsageError, match=r"dock-1 is live: say when .*numbered.mp4 began with --start-time"):
        call("clip", "dock-1", "f1", tmp_path / "out.mp4", "--source", numbered)
    began = ("--source", numbered, "--start-time", "2023-11-15T12:09:57Z")
    call("clip", "dock-1", "f1", tmp_path / "out.mp4", "--padding", "1s", *began)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 70


def test_a_clip_says_what_is_missing(call, tmp_path, home):
    with pytest.raises(UsageError, match="stream 'film' has no segment 'x1'; longtake timeline film --format csv"):
        call("clip", "film", "x1", tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="--start-time says when a recording began: give that one with --source FILE"):
        call("clip", "film", "r1", tmp_path / "out.mp4", "--start-time", "0")
    with TimelineStore.open(None, home) as store:
        watched(store, "gone", [segment("gone", "walk", 1.0, 2.0, "w1")], source="/nowhere/film.mp4")
        watched(store, "secret", [segment("secret", "walk", 1.0, 2.0, "w1")], source="https://user:pass@host/film.mp4")
    try:
        with pytest.raises(
            LongtakeError, match=r"gone was read from /nowhere/film.mp4, which is not there; give it with --so"
        ):
            call("clip", "gone", "w1", tmp_path / "out.mp4")
        with pytest.raises(LongtakeError, match="is kept without its secrets; give the recording with --source"):
            call("clip", "secret", "w1", tmp_path / "out.mp4")
    finally:
        with TimelineStore.open(None, home) as store:
            store.remove("gone")
            store.remove("secret")


def test_a_recording_that_was_moved_is_named_again(call, tmp_path, numbered):
    moved = shutil.copy(numbered, tmp_path / "moved.mp4")
    call("clip", "film", "r1", tmp_path / "out.mp4", "--padding", "0", "--source", moved)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 9  # 4.1 … 4.9 s
