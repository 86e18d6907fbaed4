"""Recipes: what is read and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

import pipeline.training
from pipeline.errors import UsageError
from pipeline.training.recipe import load_recipe

DEFAULT = Path(pipeline.training.__path__[0]) / "recipes" / "longtake-small.json"


def changed(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(json.loads(DEFAULT.read_text()) | changes))
    return path


def test_the_default_recipe_learns_from_other_seeds_than_it_is_judged_by() -> None:
    scenes = load_recipe(DEFAULT).scenes
    assert scenes.train_seeds[0] >= 20_000
    assert 10_000 <= scenes.validation_seeds[0] < scenes.validation_seeds[1] <= 20_000


def test_views_follow_each_other_and_the_last_shows_clips_as_they_are_served() -> None:
    recipe = load_recipe(DEFAULT)
    assert recipe.view(0.0) == recipe.views[0]
    assert recipe.view(0.999) == recipe.view(1.0) == recipe.views[-1]
    assert recipe.views[-1].side == recipe.clip.height == recipe.clip.width
    assert recipe.views[-1].frames == recipe.clip.frames


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1}, "Recipe lacks nothing and has unknown colour; the keys are name, start, encoder"),
        ({"clip": {"frames": 16}}, "ClipSpec lacks height, width, fps, stride"),
        (
            {"scenes": {"seconds": 60, "people": [1], "train_seeds": [5, 9], "validation_seeds": [10000, 10001]}},
            "train_seeds 5…9 are heldout; want train",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_with_what_is_wrong(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_recipe(changed(tmp_path, **changes))


def test_a_recipe_that_is_not_there_or_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for name in ("nowhere.json", "broken.json"):
        with pytest.raises(UsageError, match=f"{name} cannot be read"):
            load_recipe(tmp_path / name)
