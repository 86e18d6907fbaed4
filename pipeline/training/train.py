"""The whole training run: film, encoder, features, temporal model, rules, record."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.errors import ModelError
from pipeline.evaluation.figures import Figures, Watched, figures
from pipeline.evaluation.spans import Span
from pipeline.models.build import StreamModel, build, load_model, save_model
from pipeline.models.card import LabelSet, ModelCard, resolve
from pipeline.models.requests import RememberRequest
from pipeline.models.worker import ModelWorker
from pipeline.segment.rules import Rules
from pipeline.synthetic.scene import Scene
from pipeline.synthetic.spec import SceneSpec
from pipeline.training.calibration import choose_rules, resegmented
from pipeline.training.curve import draw
from pipeline.training.encoder_stage import train_encoder
from pipeline.training.features import FeatureStreams, encode_streams, steps_of
from pipeline.training.footage import Footage, Shooting, film, scenes
from pipeline.training.loop import Progress
from pipeline.training.recipe import Recipe, dump_recipe, load_recipe
from pipeline.training.record import commit
from pipeline.training.run import Run
from pipeline.training.temporal_stage import train_temporal
from pipeline.values import ClipSpec, Float32Array


def train(
    recipe_path: Path,
    out_dir: Path,
    budget_s: float = float("inf"),
    seed: int = 0,
    threads: int = 2,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Train a model by a recipe and write its directory.

    Can be stopped at any time and started again with the same arguments: it goes on from its last checkpoint, which
    lies in `out_dir/work` together with the footage. Without a budget the result depends on recipe, seed and machine.

    Args:
        budget_s: seconds of optimising in all, split between the halves as the recipe says.
        log: takes a line of progress.

    Raises:
        UsageError: the recipe is not one, or there is no model to start from.
        ModelError: the model to start from is broken, or has another architecture.
    """
    recipe = load_recipe(recipe_path)
    work = out_dir / "work"
    work.mkdir(parents=True, exist_ok=True)
    return Trainer(recipe, Run(seed, work, work, threads, log)).train(out_dir, budget_s)


class Trainer:
    """The steps of one run, in order; what each leaves behind is found again by the next attempt."""

    def __init__(self, recipe: Recipe, run: Run) -> None:
        torch.manual_seed(run.seed)
        torch.set_num_threads(run.threads)
        self._recipe, self._run = recipe, run
        self._model = build(_fresh_card(recipe))
        self._start = _begin_with(recipe.start, self._model) if recipe.start else None

    def train(self, out_dir: Path, budget_s: float) -> ModelCard:
        """Do all of it; returns the card of the model in `out_dir`."""
        run, recipe = self._run, self._recipe
        footage = self._film(recipe.scenes.train_seeds), self._film(recipe.scenes.validation_seeds)
        encoder = train_encoder(self._model, footage, recipe, run, budget_s * recipe.encoder_share)
        streams = self._encode(footage)
        temporal = train_temporal(self._model, streams, recipe, run, budget_s * (1 - recipe.encoder_share))
        watched = self._watch(streams[1])
        rules = choose_rules(watched, recipe.labels)
        record = _record(recipe, run, encoder, temporal) | {
            "start": self._start,
            "validation": _figures(watched, rules, _specs(recipe)).rounded(),
        }
        run.log(f"validation, scenes of one person: {record['validation']}")
        card = replace(self._model.card, segmenter=rules.to_card(), training=record)
        draw([run.folder / f"{name}.csv" for name in ("encoder", "temporal")], out_dir / "curve.png")
        return save_model(out_dir, replace(self._model, card=card))

    def _film(self, seeds: tuple[int, int]) -> Footage:
        run, recipe = self._run, self._recipe
        specs = scenes(range(*seeds), recipe.scenes.people, recipe.scenes.seconds)
        return film(Shooting(specs, recipe.clip, recipe.labels), run.cache, run.threads, run.log)

    def _encode(self, footage: tuple[Footage, Footage]) -> tuple[FeatureStreams, FeatureStreams]:
        """Features of the trained encoder; the worker that makes them gets its own copy of the weights."""
        run, folder = self._run, self._run.folder / "encoder"
        save_model(folder, self._model)
        worker, passes = ModelWorker(folder), self._recipe.feature_passes
        return encode_streams(worker, footage[0], passes, run), encode_streams(worker, footage[1], 1, run)

    def _watch(self, streams: FeatureStreams) -> list[Watched]:
        """The validation streams as a worker serves them, step by step."""
        folder = self._run.folder / "model"
        save_model(folder, self._model)
        worker, gaps = ModelWorker(folder), np.zeros(streams.truth.shape[1], np.float32)
        answers = worker.remember([RememberRequest(features, gaps, None) for features in streams.features])
        torch.set_num_threads(self._run.threads)
        clip = self._recipe.clip
        return [watched(spec, answer.probs, clip) for spec, answer in zip(_specs(self._recipe), answers, strict=True)]


def watched(spec: SceneSpec, probs: Float32Array, clip: ClipSpec) -> Watched:
    """A synthetic scene and the probabilities of its steps, not yet segmented."""
    steps = steps_of(int(spec.duration_s * clip.fps), clip)
    edges = np.array([(a, b) for _, a, b in steps], np.float64) / clip.fps
    truth = tuple(Span(i.start_s, i.end_s, i.label) for i in Scene(spec).truth.intervals)
    return Watched(truth, (), edges[:, 0], edges[:, 1], probs, spec.duration_s)


def _specs(recipe: Recipe) -> Sequence[SceneSpec]:
    filmed = recipe.scenes
    return scenes(range(*filmed.validation_seeds), filmed.people, filmed.seconds)


def _figures(videos: Sequence[Watched], rules: Rules, specs: Sequence[SceneSpec]) -> Figures:
    """Of the scenes of one person, for which all figures are defined."""
    alone = [video for video, spec in zip(videos, specs, strict=True) if spec.people == 1]
    return figures(resegmented(alone, rules), rules.labels, [rule.on for rule in rules.rules])


def _fresh_card(recipe: Recipe) -> ModelCard:
    label_set = LabelSet(recipe.label_set, "independent", recipe.labels)
    return ModelCard(
        recipe.name, recipe.encoder, recipe.temporal, recipe.clip, recipe.mean, recipe.std, (label_set,), {}, {}
    )


def _begin_with(start: str, model: StreamModel) -> dict[str, Any]:
    """Copy the weights of the model to start from; returns what the record says of it."""
    known = load_model(resolve(start))
    if (known.card.encoder, known.card.temporal) != (model.card.encoder, model.card.temporal):
        raise ModelError(
            f"{start} has another architecture than the recipe: {known.card.encoder}, {known.card.temporal}"
        )
    model.encoder.load_state_dict(known.encoder.state_dict())
    model.temporal.load_state_dict(known.temporal.state_dict())
    return {"fingerprint": known.card.fingerprint, "training": dict(known.card.training)}


def _record(recipe: Recipe, run: Run, encoder: Progress, temporal: Progress) -> dict[str, Any]:
    return {
        "data": "synthetic scenes only",
        "recipe": dump_recipe(recipe),
        "seed": run.seed,
        "commit": commit(),
        "torch": torch.__version__,
        "encoder": _rounded(encoder),
        "temporal": _rounded(temporal),
    }


def _rounded(progress: Progress) -> dict[str, float]:
    return {name: round(value, 5) for name, value in asdict(progress).items()}
