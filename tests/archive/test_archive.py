"""The archive by itself: what was written is what is read, and what is wrong with a file is said."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from pipeline.archive.archive import Archive
from pipeline.archive.errors import ArchiveError, FileMissing
from pipeline.archive.schema import SCHEMA
from pipeline.errors import StoreError, UsageError
from pipeline.values import Gap, GapReason
from tests.timeline import make

DAY_S = 86_400.0
WALK = make.segment("a", 10.0, 20.0)
SIT = make.segment("b", DAY_S - 5, DAY_S + 5, "sit", 0.9)
FALL = make.segment("c", 3 * DAY_S, 3 * DAY_S + 1, "fall", 0.2)
LOST = make.gap(20.0, 30.0)
FILLED = Gap(make.STREAM, 30.0, 40.0, GapReason.CAMERA_DOWN, filled=True)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(str(tmp_path / "archive"))


def paths(archive: Archive, **content) -> list[str]:
    written = archive.write(make.STREAM, content.get("segments", (WALK, SIT, FALL)), content.get("gaps", (LOST,)), 1e9)
    return [file.path for file in written]


def files_of(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file())


def damage(tmp_path: Path, path: str, data: bytes) -> str:
    """Write `data` as a file whose name fits them; return its path."""
    place = (tmp_path / "archive" / path).with_name(hashlib.blake2b(data, digest_size=16).hexdigest() + ".parquet")
    place.write_bytes(data)
    return str(place.relative_to(tmp_path / "archive"))


def test_what_was_written_is_what_is_read(archive):
    paths(archive, gaps=(FILLED, LOST))
    found = archive.timeline(make.STREAM)
    assert found.segments == (WALK, SIT, FALL)
    assert found.gaps == (LOST, FILLED)
    assert (found.model, found.duration) == ("model-1", 3 * DAY_S + 1 - 10)


def test_each_date_has_its_partition_and_any_reader_of_data_sets_can_read_it(archive, tmp_path):
    assert [path.split("/")[:2] for path in paths(archive)] == [
        ["stream=cam1", "date=1970-01-01"],
        ["stream=cam1", "date=1970-01-04"],
    ]
    table = pyarrow.dataset.dataset(tmp_path / "archive", partitioning="hive").to_table()
    rows = {row["id"]: row for row in table.to_pylist() if row["kind"] == "segment"}
    assert set(rows) == {"a", "b", "c"}
    assert (rows["c"]["stream"], str(rows["c"]["date"]), rows["c"]["label"]) == ("cam1", "1970-01-04", "fall")


def test_writing_the_same_again_gives_the_same_file(archive, tmp_path):
    assert paths(archive) == paths(archive)
    assert len(files_of(tmp_path)) == 2


@pytest.mark.parametrize(
    ("since", "until", "label", "min_score", "expected"),
    [
        (None, 10.0, None, None, []),
        (None, 10.1, None, None, ["a"]),
        (20.0, None, None, None, ["b", "c"]),
        (DAY_S, 2 * DAY_S, None, None, ["b"]),
        (None, None, "fall", None, ["c"]),
        (None, None, None, 0.5, ["a", "b"]),
        (5 * DAY_S, None, None, None, []),
    ],
)
def test_a_range_holds_what_overlaps_it(archive, since, until, label, min_score, expected):
    found = archive.timeline(make.STREAM, since, until, label, min_score, paths(archive))
    assert [one.id for one in found.segments] == expected


def test_files_of_later_dates_are_not_opened(archive, tmp_path):
    first, later = paths(archive)
    (tmp_path / "archive" / later).write_bytes(b"damaged")
    assert [one.id for one in archive.timeline(make.STREAM, until=2 * DAY_S, files=[first, later]).segments] == [
        "a",
        "b",
    ]


def test_what_lies_in_two_files_is_shown_once(archive):
    paths(archive)
    paths(archive, segments=(WALK,), gaps=(LOST,))
    found = archive.timeline(make.STREAM)
    assert ([one.id for one in found.segments], found.gaps) == (["a", "b", "c"], (LOST,))


def test_only_the_files_that_are_listed_count(archive):
    [file] = paths(archive, segments=(WALK,), gaps=())
    paths(archive, segments=(FALL,))
    assert archive.timeline(make.STREAM, files=[file]).segments == (WALK,)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-7], lambda data: b"", lambda data: data[:50] + b"?" + data[51:]]
)
def test_a_damaged_file_is_named(archive, tmp_path, change):
    [path] = paths(archive, segments=(WALK,))
    file = tmp_path / "archive" / path
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ArchiveError, match=r"stream=cam1/date=1970-01-01/.* is damaged") as caught:
        archive.timeline(make.STREAM)
    assert isinstance(caught.value, StoreError)


def test_a_file_with_the_content_of_another_is_damaged(archive, tmp_path):
    [first], [second] = paths(archive, segments=(WALK,), gaps=()), paths(archive, segments=(SIT,), gaps=())
    (tmp_path / "archive" / first).write_bytes((tmp_path / "archive" / second).read_bytes())
    with pytest.raises(ArchiveError, match="is damaged"):
        archive.timeline(make.STREAM, files=[first])


def test_bytes_that_were_never_parquet_are_damaged_too(archive, tmp_path):
    [path] = paths(archive, segments=(WALK,))
    with pytest.raises(ArchiveError, match="is damaged"):
        archive.timeline(make.STREAM, files=[damage(tmp_path, path, b"no parquet")])


@pytest.mark.parametrize("version", ["2", None])
def test_another_version_is_refused(archive, tmp_path, version):
    [path] = paths(archive, segments=(WALK,))
    sink = pa.BufferOutputStream()
    metadata = {"longtake.version": version, "longtake.stream": make.STREAM} if version else None
    pyarrow.parquet.write_table(pa.Table.from_pylist([], SCHEMA.with_metadata(metadata)), sink)
    other = damage(tmp_path, path, sink.getvalue().to_pybytes())
    with pytest.raises(ArchiveError, match=f"has version {version or 'none'}, this longtake reads 1"):
        archive.timeline(make.STREAM, files=[other])


def test_a_file_in_the_wrong_folder_is_refused(archive, tmp_path):
    [path] = paths(archive, segments=(WALK,))
    (tmp_path / "archive" / "stream=cam2").mkdir()
    (tmp_path / "archive" / path).rename(tmp_path / "archive" / "stream=cam2" / Path(path).name)
    with pytest.raises(ArchiveError, match="is of stream 'cam1', not of 'cam2'"):
        archive.timeline("cam2")


def test_a_listed_file_that_is_not_there_is_named(archive):
    with pytest.raises(FileMissing, match=r"date=2020-01-01/0\.parquet is not in file:///"):
        archive.timeline(make.STREAM, files=["stream=cam1/date=2020-01-01/0.parquet"])


@pytest.mark.parametrize("step", ["put", "publish"])
def test_a_writer_that_is_killed_leaves_nothing_that_is_seen(tmp_path, step):
    def kill(told: str) -> None:
        if told == step:
            raise Killed

    with pytest.raises(Killed):
        paths(Archive(str(tmp_path / "archive"), kill))
    archive = Archive(str(tmp_path / "archive"))
    assert archive.timeline(make.STREAM).segments == ()
    paths(archive)
    assert archive.timeline(make.STREAM).segments == (WALK, SIT, FALL)


def test_streams_are_listed_and_removed(archive, tmp_path):
    assert archive.streams() == ()
    archive.remove("nobody")
    for stream in ("cam1", "dock.2"):
        archive.write(stream, (WALK,), (), 100.0)
    assert archive.streams() == ("cam1", "dock.2")
    archive.remove("cam1")
    assert archive.streams() == ("dock.2",)
    assert archive.timeline("cam1").segments == ()


def test_a_url_and_a_folder_name_the_same_archive(archive, tmp_path):
    paths(archive)
    by_url = Archive((tmp_path / "archive").as_uri())
    assert by_url.timeline(make.STREAM) == archive.timeline(make.STREAM)
    assert archive.url == (tmp_path / "archive").as_uri()


@pytest.mark.parametrize("url", ["", "ftp9://somewhere/else"])
def test_what_names_no_archive_is_refused(url):
    with pytest.raises(UsageError, match="archive"):
        Archive(url)


def test_a_place_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(ArchiveError, match="cannot be written"):
        paths(Archive(str(tmp_path / "archive")))
