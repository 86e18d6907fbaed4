"""A comparison: all learn from as many clips and are judged by examples nobody has seen; baselines stand beside."""

import json

import cv2
import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.evaluation.baselines import colours, motion
from pipeline.training.compare import CHOSEN, Comparison, compare, of_the_ladder
from pipeline.training.run import Run
from tests.training.test_classifier import moving_data

MODELS = ("two-stream-micro", "early-fusion-micro")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    data = moving_data(folder / "data")
    work = folder / "work"
    work.mkdir()
    comparison = Comparison(of_the_ladder(MODELS), str(data), clips_seen=48)
    return compare(comparison, folder / "out", Run(1, work, work, 1, lambda line: None)), folder


def test_networks_and_baselines_are_judged_by_the_same_examples(compared):
    standings, folder = compared
    assert [one.name for one in standings] == [*MODELS, CHOSEN, "colours, linear", "motion, linear"]
    assert {one.figures.examples for one in standings} == {4}, "two groups of two, a quarter of six groups"
    records = [json.loads((folder / "work" / name / "model.json").read_text())["training"] for name in MODELS]
    assert {record["classifier"]["step"] for record in records} == {3}


def test_who_is_chosen_is_chosen_by_validation_and_not_by_the_test(compared):
    standings, folder = compared
    losses = {
        name: json.loads((folder / "work" / name / "model.json").read_text())["training"]["classifier"]["best"]
        for name in MODELS
    }
    figures = {one.name: one.figures for one in standings}
    assert figures[CHOSEN] == figures[min(losses, key=losses.__getitem__)]


def test_what_it_costs_stands_beside_how_right_it_is(compared):
    standings, folder = compared
    for one in standings[:2]:
        assert one.parameters and one.gmac and one.ms and one.train_s
    document = json.loads((folder / "out" / "compare.json").read_text())
    assert [one["name"] for one in document["standings"]] == [one.name for one in standings]
    page = (folder / "out" / "compare.md").read_text()
    assert "48 clips seen" in page and all(f"| {one.name} |" in page for one in standings)
    assert cv2.imread(str(folder / "out" / "compare.png")) is not None


def test_a_comparison_wants_something_to_hold_out(compared, tmp_path):
    _, folder = compared
    lines = (folder / "data" / "data.csv").read_text().splitlines()
    (folder / "data" / "one.csv").write_text(
        "\n".join([lines[0], *(f"{line.rpartition(',')[0]},a" for line in lines[1:])])
    )
    with pytest.raises(UsageError, match="nothing can be held out"):
        compare(
            Comparison(of_the_ladder(MODELS), str(folder / "data" / "one.csv"), 48),
            tmp_path,
            Run(1, tmp_path, tmp_path, 1, print),
        )


def test_colours_are_blind_to_place_and_time_and_motion_is_not():
    shown = np.zeros((8, 32, 32, 3), np.uint8)
    shown[4:, :8, :8] = 255
    assert np.array_equal(colours(shown), colours(shown[::-1]))
    assert np.array_equal(colours(shown), colours(np.flip(shown, 2)))
    assert not np.array_equal(motion(shown), motion(np.flip(shown, 2)))
    assert not motion(np.zeros((1, 32, 32, 3), np.uint8)).any()
