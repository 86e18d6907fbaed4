"""`longtake train --data` and `longtake evaluate --data`: a user's own clips, from the command line to a timeline."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.training import _said
from pipeline.errors import UsageError
from tests.training.test_classifier import moving_data


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return moving_data(tmp_path_factory.mktemp("data"))


def call(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, UsageError):
        raise result.exception
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_model_trained_on_clips_is_measured_on_clips_and_watches_a_video(data, tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    out = str(tmp_path / "model")
    call("train", "--model", "late-pooling-micro", "--data", str(data), "--out", out, "--steps", "2", "--batch", "2")
    figures = json.loads(call("evaluate", "--model", out, "--data", str(data), "--clips", "2", "--format", "json"))
    assert set(figures["confused"]) == {"left", "right"}
    assert figures["examples"] == 12 and 0 <= figures["low"] <= figures["accuracy"] <= figures["high"] <= 1
    watched = call("run", str(data.parent / "0.mp4"), "--model", out, "--engine", "inline", "--format", "json")
    assert json.loads(watched)["model"] == figures["model"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--model", "late-pooling-micro"), "give both --model and --data"),
        (("--data", "clips.csv"), "give both --model and --data"),
        (("--model", "alexnet", "--data", "clips.csv"), "unknown architecture 'alexnet'; choose one of single-frame"),
        (("--model", "c3d-micro", "--data", "nowhere.csv"), "no data at nowhere.csv"),
        (("--model", "c3d-micro", "--data", "nowhere.csv", "--device", "cuda"), "no CUDA device here"),
    ],
)
def test_what_cannot_be_trained_is_refused(words, complaint, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match=complaint):
        call("train", *words, "--out", str(tmp_path / "model"))


def test_a_label_that_the_model_lacks_is_named(data):
    with pytest.raises(UsageError, match="the model has no label 'left'"):
        call("evaluate", "--data", str(data))


def test_who_is_taken_for_whom_is_told_in_words():
    assert _said("wave", {"wave": 7, "bow": 1, "walk": 2}) == "7 of 10; 2 as walk, 1 as bow"
    assert _said("wave", {"wave": 3}) == "3 of 3"
