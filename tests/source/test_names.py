"""What a user may name, and what it becomes."""

from pathlib import Path

import pytest

from pipeline.errors import SourceNotFound, UsageError
from pipeline.source import check_name, expand, stream_name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a.MKV", "c.gif", "d.heic", "notes.txt", "README"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "e.mp4").write_bytes(b"x")
    return tmp_path


def test_a_directory_stands_for_its_videos_sorted(folder: Path) -> None:
    assert [Path(uri).name for uri in expand(str(folder))] == ["a.MKV", "b.mp4", "c.gif", "d.heic"]


def test_a_file_stands_for_itself_whatever_its_name(folder: Path) -> None:
    assert expand(str(folder / "notes.txt")) == [str(folder / "notes.txt")]


def test_a_pattern_stands_for_its_matches(folder: Path) -> None:
    assert [Path(uri).name for uri in expand(str(folder / "*.mp4"))] == ["b.mp4"]
    assert [Path(uri).name for uri in expand(str(folder / "**" / "*.mp4"))] == ["b.mp4", "e.mp4"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "cam[1].mp4").write_bytes(b"x")
    assert expand(str(tmp_path / "cam[1].mp4")) == [str(tmp_path / "cam[1].mp4")]


@pytest.mark.parametrize(
    "uri",
    ["rtsp://cam/1", "RTSPS://u:p@cam:8554/x?y=1", "http://h/a.mp4", "https://h/a.m3u8", "synthetic://seed=7"],
)
def test_uris_stand_for_themselves(uri: str) -> None:
    assert expand(uri) == [uri]


@pytest.mark.parametrize(
    ("argument", "error", "says"),
    [
        ("/no/such/file.mp4", SourceNotFound, "no file or directory '/no/such/file.mp4'"),
        ("/no/such/*.mp4", SourceNotFound, "no file matches"),
        ("ftp://host/a.mp4", UsageError, "ftp:// cannot be read; .*rtsp://.*https://.*synthetic://"),
        ("rtsp:///cam", UsageError, "names no host"),
        ("", UsageError, "is empty"),
    ],
)
def test_what_cannot_be_a_source_is_told_why(argument: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        expand(argument)


def test_a_directory_without_videos_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"holds no videos; looked for .*\.mkv.*\.mp4"):
        expand(str(tmp_path))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/data/Ward 3 (night).mp4", "Ward-3-night"),
        ("clip.tar.mp4", "clip.tar"),
        ("/dev/video0", "video0"),
        ("rtsp://user:secret@cam1.local:8554/live/main", "cam1.local-live-main"),
        ("rtsp://10.0.0.7/", "10.0.0.7"),
        ("http://host/a/b.mp4?token=secret", "host-a-b.mp4"),
        ("synthetic://seed=7&people=2", "synthetic-7"),
        ("synthetic://", "synthetic-0"),
        ("/data/視頻.mp4", "stream"),
        (f"/data/{'x' * 300}.mp4", "x" * 64),
    ],
)
def test_proposed_names_are_clean_and_hold_no_secret(uri: str, name: str) -> None:
    assert stream_name(uri) == name
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "two words", "a/b", "{cam}", "cam}1", "ä", "x" * 65, "x" * 300, "cam\n"])
def test_other_names_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(UsageError, match=r"use 1 to 64 of the characters A-Z a-z 0-9 \. _ -") as refused:
        check_name(name)
    assert len(str(refused.value)) < 200
