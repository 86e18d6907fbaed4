"""A whole training run in small: it stops, goes on, gives a model that serves, and repeats itself bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.models.card import load_card
from pipeline.models.worker import ModelWorker
from pipeline.training.train import train
from tests.training.test_recipe import DEFAULT


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default recipe with everything made as small as it goes."""
    document = json.loads(DEFAULT.read_text())
    document |= {
        "encoder": {"name": "shift_cnn", "parameters": {"widths": [8, 8, 8], "blocks": [1, 1]}},
        "temporal": {"name": "gru", "parameters": {"width": 8, "hidden": 8}},
        "clip": {"frames": 8, "height": 24, "width": 32, "fps": 5.0, "stride": 4},
        "scenes": {"seconds": 8.0, "people": [1], "train_seeds": [20000, 20003], "validation_seeds": [10000, 10002]},
        "views": [{"until": 0.5, "frames": 4, "side": 16}, {"until": 1.0, "frames": 8, "side": 32}],
        "feature_passes": 2,
    }
    for stage in ("encoder_stage", "temporal_stage"):
        document[stage] |= {"steps": 4, "batch": 4, "validate_every": 2}
    path = tmp_path_factory.mktemp("recipe") / "micro.json"
    path.write_text(json.dumps(document))
    return path


def test_a_run_gives_a_model_that_serves_and_says_how_it_came_to_be(recipe: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    card = train(recipe, tmp_path, threads=1, log=lines.append)
    assert card == load_card(tmp_path)
    assert card.training["seed"] == 0 and card.training["encoder"]["step"] == 4
    assert set(card.segmenter["labels"]) == set(card.labels)
    assert 0 <= card.training["validation"]["frame_accuracy"] <= 1
    assert any("to go" in line for line in lines)
    worker = ModelWorker(tmp_path)
    answer = worker.infer(np.zeros((8, 24, 32, 3), np.uint8), 0.0, None)
    assert answer.probs.shape == (1, 8)

    recipe.with_name("next.json").write_text(json.dumps(json.loads(recipe.read_text()) | {"start": str(tmp_path)}))
    begun_better = train(recipe.with_name("next.json"), tmp_path / "next", threads=1)
    assert begun_better.training["start"]["fingerprint"] == card.fingerprint


@pytest.mark.slow
def test_equal_recipes_and_seeds_give_equal_weights_also_when_a_run_was_interrupted(
    recipe: Path, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    def stop_at_the_first_validation(line: str) -> None:
        if "validation" in line:
            raise Interrupted

    whole = train(recipe, tmp_path / "whole", threads=1)
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "torn", threads=1, log=stop_at_the_first_validation)
    torn = train(recipe, tmp_path / "torn", threads=1)
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "torn" / "model.safetensors"
    ).read_bytes()
    assert whole.segmenter == torn.segmenter
    other = train(recipe, tmp_path / "other", seed=1, threads=1)
    assert other.fingerprint != whole.fingerprint
