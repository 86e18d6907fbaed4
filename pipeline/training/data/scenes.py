"""Synthetic scenes as examples: every stretch during which somebody does one thing and nobody another."""

from collections.abc import Iterator
from itertools import pairwise

from pipeline.synthetic import ACTIONS, Scene, SceneSpec, parse_scenes
from pipeline.training.data.examples import Example, Split

SHORTEST_S = 0.4
_SPLITS: dict[str, Split] = {"train": "train", "validation": "validation", "heldout": "test"}


def scene_examples(data: str) -> list[Example]:
    """Examples of the scenes that `data` names (see `parse_scenes`); every scene is a group.

    Raises:
        UsageError: see `parse_scenes`.
    """
    return [example for spec in parse_scenes(data) for example in _examples(spec)]


def _examples(spec: SceneSpec) -> Iterator[Example]:
    for start_s, end_s, labels in _stretches(spec):
        if len(labels) == 1 and end_s - start_s >= SHORTEST_S:
            yield Example(spec.uri, labels.pop(), f"seed {spec.seed}", start_s, end_s, _SPLITS[spec.split])


def _stretches(spec: SceneSpec) -> Iterator[tuple[float, float, set[str]]]:
    """A scene's time, cut wherever an action begins or ends, and the actions between two cuts."""
    truth = Scene(spec).truth
    intervals = [one for one in truth.intervals if one.label in ACTIONS]
    cuts = sorted({time_s for one in intervals for time_s in (one.start_s, one.end_s)})
    for start_s, end_s in pairwise(cuts):
        yield start_s, end_s, truth.active((start_s + end_s) / 2) & set(ACTIONS)
