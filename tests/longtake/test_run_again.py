"""A second `longtake run`: of another video by the same name, and of a stream whose older part was archived."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from longtake.cli import app
from pipeline.archive.errors import ArchiveError
from pipeline.synthetic import SceneSpec, write_video
from tests.models.micro import make_model_dir


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    """A small model and two films of one name: `a/one.mp4` and `b/one.mp4`."""
    place = tmp_path_factory.mktemp("films")
    for folder, seed in (("a", 1), ("b", 2)):
        (place / folder).mkdir()
        write_video(place / folder / "one.mp4", SceneSpec(seed, 5, 1), fps=10, size=(96, 72))
    make_model_dir(place / "model")
    return place


@pytest.fixture
def call(films, tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LONGTAKE_ARCHIVE", raising=False)

    def run(*arguments: str) -> Result:
        model = ["--model", str(films / "model")] if arguments[0] == "run" else []
        return CliRunner().invoke(app, [*arguments, *model])

    return run


@pytest.mark.parametrize("format", ["table", "csv", "parquet"])
def test_a_run_that_is_refused_shows_nothing_of_the_video_that_has_its_name(format, call, films):
    assert call("run", str(films / "a" / "one.mp4")).exit_code == 0
    refused = call("run", str(films / "b" / "one.mp4"), "--format", format)
    assert (refused.exit_code, refused.stdout_bytes) == (2, b"")


def test_a_document_of_a_run_that_is_refused_is_empty_and_says_why(call, films):
    call("run", str(films / "a" / "one.mp4"))
    refused = call("run", str(films / "b" / "one.mp4"), "--format", "json")
    document = json.loads(refused.stdout)
    assert (refused.exit_code, document["segments"], document["duration"]) == (2, [], 0)
    assert "holds the timeline of" in document["errors"][0]


@pytest.mark.parametrize("again", ["--resume", "--fresh"])
def test_a_run_goes_on_with_a_stream_that_was_archived(again, call, films, tmp_path):
    film = str(films / "a" / "one.mp4")
    first = call("run", film, "--format", "json")
    assert call("archive", "--older-than", "0", "--to", str(tmp_path / "archive")).exit_code == 0
    second = call("run", film, again, "--format", "json")
    assert second.exit_code == 0
    assert json.loads(second.stdout)["segments"] == json.loads(first.stdout)["segments"] != []


def test_an_archive_that_is_out_of_reach_is_told_before_anything_is_watched(call, films, tmp_path):
    film = str(films / "a" / "one.mp4")
    call("run", film)
    call("archive", "--older-than", "0", "--to", str(tmp_path / "archive"))
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    refused = call("run", film)
    assert isinstance(refused.exception, ArchiveError) and refused.stdout == ""
