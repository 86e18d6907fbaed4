"""Lists and figures: what goes to a screen, a pipe and a file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.wording import counted, plain
from pipeline.evaluation import streaming
from pipeline.evaluation.figures import Figures

FIGURES = Figures(40, 0.861, 0.806, 0.892, 0.848, 0.89, 0.883, 0.823, 81.2)


@pytest.fixture
def measured(monkeypatch) -> None:
    monkeypatch.setattr(streaming, "evaluate", lambda *_: FIGURES)


@pytest.mark.usefixtures("measured")
def test_figures_go_to_the_file_that_is_named_and_videos_are_counted(tmp_path: Path):
    result = CliRunner().invoke(app, ["evaluate", "-o", str(tmp_path / "figures.txt")])
    rows = [line.split() for line in (tmp_path / "figures.txt").read_text().splitlines()]
    assert (result.exit_code, result.stdout) == (0, "")
    assert ["videos", "40"] in rows and ["edit", "81.200"] in rows


@pytest.mark.usefixtures("measured")
def test_figures_are_a_document_too():
    document = json.loads(CliRunner().invoke(app, ["evaluate", "--format", "json"]).stdout)
    assert (document["videos"], document["f1_25"], len(document["model"])) == (40, 0.883, 32)


@pytest.mark.parametrize("command", ["evaluate", "doctor film.mp4", "models ls"])
def test_what_is_no_timeline_is_a_table_or_json(command):
    result = CliRunner().invoke(app, [*command.split(), "--format", "parquet"])
    assert result.exit_code == 2
    assert "'parquet' is not one of 'table', 'json'" in " ".join(result.output.replace("│", "").split())
    assert "Value error" not in result.output


def test_plurals():
    assert [counted(number, "gap") for number in (0, 1, 2)] == ["0 gaps", "1 gap", "2 gaps"]
    assert counted(2, "person", "people") == "2 people"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Input should be greater than 0", "must be greater than 0"),
        ("Input should be a valid integer, unable to parse string as an integer", "must be a whole number"),
        ("String should have at least 1 character", "must have at least 1 character"),
        ("Value error, 'x' is not one of 'a'", "'x' is not one of 'a'"),
        ("Input should be a valid dictionary or instance of StreamSettings", "must be a mapping of keys to values"),
    ],
)
def test_what_pydantic_says_is_said_in_our_words(theirs, ours):
    assert plain(theirs) == ours
