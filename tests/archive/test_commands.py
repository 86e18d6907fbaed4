"""`longtake archive`, and the commands that must know of what it moved."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from longtake import archive, backfill, query, streams
from pipeline.archive.errors import ArchiveError
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore
from tests.timeline import make

app = typer.Typer()
app.command("archive")(archive.archive)
app.command("backfill")(backfill.backfill)
app.command("timeline")(query.timeline)
app.add_typer(streams.app, name="streams")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command; its exit code, answer and messages, or the error that `main` would show."""
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    monkeypatch.delenv("LONGTAKE_ARCHIVE", raising=False)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, LongtakeError):
            raise result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


@pytest.fixture
def stream(tmp_path: Path):
    """A stream of three closed segments; the store stays open so that the server need not start again."""
    with TimelineStore.open(None, tmp_path) as store:
        closed = tuple(make.segment(f"s{n}", n * 10.0, n * 10.0 + 5) for n in range(3))
        store.commit(make.claim(store), make.commit(closed=closed, until_s=30.0))
        yield store


def test_what_was_moved_is_shown_where_the_archive_is_named(call, stream, tmp_path, monkeypatch):
    before = call("timeline", "cam1", "--format", "json")
    code, table = call("archive", "--older-than", "0", "--to", str(tmp_path / "archive"))
    assert code == 0
    assert [row.split() for row in table.splitlines() if "cam1" in row] == [["cam1", "3", "0", "1", "0:30.0"]]
    assert call("timeline", "cam1", "--format", "json") == before
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="LONGTAKE_ARCHIVE"):
        call("timeline", "cam1")
    assert call("timeline", "cam1", "--format", "json", "--archive", str(tmp_path / "elsewhere")) == before
    monkeypatch.setenv("LONGTAKE_ARCHIVE", str(tmp_path / "elsewhere"))
    assert call("timeline", "cam1", "--format", "json") == before
    assert call("archive", "--older-than", "0")[0] == 0


def test_what_is_young_stays_and_that_is_no_failure(call, stream, tmp_path):
    assert call("archive", "--to", str(tmp_path / "archive")) == (0, "")
    assert not (tmp_path / "archive").exists()


def test_a_stream_that_cannot_be_moved_gives_exit_code_1(call, stream, tmp_path):
    (tmp_path / "file").write_text("")
    assert call("archive", "--older-than", "0", "--to", str(tmp_path / "file"))[0] == 1
    assert len(json.loads(call("timeline", "cam1", "--format", "json")[1])["segments"]) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["archive"], "where to"),
        (["archive", "--to", "nowhere://x"], "names no archive"),
        (["archive", "--to", "x", "--older-than", "soon"], "'soon'"),
        (["backfill", "cam9", "{film}", "--start-time", "0"], "there is no stream 'cam9'"),
        (["backfill", "cam1", "{film}", "--start-time", "sometime"], "'sometime' is not a time"),
        (["backfill", "cam1", "{film}", "--start-time", "0", "--model", "nobody"], "unknown model 'nobody'"),
    ],
)
def test_mistakes_are_told_and_give_exit_code_2(call, stream, tmp_path, arguments, sentence):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    with pytest.raises(UsageError, match=sentence) as caught:
        call(*(str(film) if one == "{film}" else one for one in arguments))
    assert caught.value.exit_code == 2


def test_a_stream_without_gaps_is_shown_as_it_is(call, stream, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"film")
    asked = call("timeline", "cam1", "--format", "json")
    assert call("backfill", "cam1", str(tmp_path / "film.mp4"), "--start-time", "0", "--format", "json") == asked


def test_after_archive_as_the_readme_shows_it_every_command_goes_on(call, stream, tmp_path):
    before = call("timeline", "cam1", "--format", "json")
    (tmp_path / "film.mp4").write_bytes(b"film")
    call("archive", "--older-than", "0", "--to", str(tmp_path / "archive"))
    filling = ("backfill", "cam1", str(tmp_path / "film.mp4"), "--start-time", "0", "--format", "json")
    assert call(*filling) == before
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="LONGTAKE_ARCHIVE"):
        call(*filling)
    (tmp_path / "elsewhere").rename(tmp_path / "archive")
    assert call("streams", "rm", "cam1")[0] == 0
    assert list((tmp_path / "archive").iterdir()) == []
