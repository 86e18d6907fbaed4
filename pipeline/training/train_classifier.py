"""A whole run on recorded examples: decode, divide, train, measure, record."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import ModelError, UsageError
from pipeline.evaluation.clips import clip_figures, predict
from pipeline.models.build import StreamModel, build, load_model, save_model
from pipeline.models.card import LabelSet, ModelCard, resolve
from pipeline.models.conversion import begin_with
from pipeline.models.encoders.inflation import InflatedResNet, load_inflated, weights_2d
from pipeline.models.ladder import Blueprint
from pipeline.models.temporal.stream_fusion import StreamFusion
from pipeline.models.torchvision_zoo import PREFIX
from pipeline.models.worker import ModelWorker
from pipeline.training.classifier import Classifier, RecordedClips, train_classifier
from pipeline.training.curve import draw
from pipeline.training.data.examples import Table, counted
from pipeline.training.data.pictures import Pictures, pictures
from pipeline.training.data.split import hold_out, to_learn_from
from pipeline.training.data.table import read_table
from pipeline.training.fusion import fit_svm
from pipeline.training.loop import Progress
from pipeline.training.recipe import Stage
from pipeline.training.record import commit
from pipeline.training.run import Run

VALIDATION_SHARE = 0.2
STAGE = Stage(
    steps=1500, batch=16, learning_rate=1e-3, weight_decay=0.05, label_smoothing=0.1, positive_weight_power=0.0,
    validate_every=50,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be trained on what.

    Attributes:
        data: see `read_table`.
        start: a model whose encoder's weights the run begins with, a ResNet that torchvision publishes, or None.
        freeze_encoder: leave the encoder as it is.
        mirror: mirrored clips show the same label.
    """

    name: str
    blueprint: Blueprint
    data: str
    stage: Stage = STAGE
    start: str | None = None
    freeze_encoder: bool = False
    mirror: bool = True


def train_on_examples(wanted: Wanted, out_dir: Path, run: Run, budget_s: float = float("inf")) -> ModelCard:
    """Train a model on all examples of its data, save for the groups that choose the best weights.

    Its directory holds the model, with the record of its training in `model.json`, and the curve as a picture.

    Stopped, it goes on from its last checkpoint when it is called again with the same arguments.

    Raises:
        UsageError: the data are not what they should be, or there is no model to start from.
        ModelError: the model to start from is broken, or its encoder is another one.
        TrainingFailed: the loss is no number any more.
    """
    model, record = fit(wanted, to_learn_from(read_table(wanted.data)), run, budget_s)
    out_dir.mkdir(parents=True, exist_ok=True)
    draw([run.folder / "classifier.csv"], out_dir / "curve.png")
    return save_model(out_dir, replace(model, card=replace(model.card, training=record)))


def fit(wanted: Wanted, table: Table, run: Run, budget_s: float) -> tuple[StreamModel, dict[str, Any]]:
    """Train on a table; returns the model, and how it came to be.

    Raises:
        UsageError: the run's folder holds another run.
    """
    _claim(wanted, run)
    torch.manual_seed(run.seed)
    torch.set_num_threads(run.threads)
    model = build(_fresh_card(wanted, table.labels))
    start = _begin_with(wanted.start, model) if wanted.start else None
    model.encoder.requires_grad_(not wanted.freeze_encoder)
    tables = hold_out(table, "validation", VALIDATION_SHARE, run.seed)
    shown = [pictures(part, model.card.clip, run.cache, run.log) for part in tables]
    clips = tuple(RecordedClips(part, model.card, wanted.mirror) for part in shown)
    progress = train_classifier(model, (clips[0], clips[1]), wanted.stage, run, budget_s)
    if isinstance(model.temporal, StreamFusion):
        fit_svm(Classifier(model, run.device), clips[0], run.seed)
    figures = clip_figures(_served(model, shown[1], run), shown[1].classes)
    run.log(f"validation: {figures.examples} examples, accuracy {figures.accuracy:.3f}")
    return model, _record(wanted, tables, run, progress) | {"start": start, "validation": asdict(figures)}


def _claim(wanted: Wanted, run: Run) -> None:
    """A folder is of one run: what another had reached is not gone on from."""
    path, text = run.folder / "run.json", json.dumps(asdict(wanted) | {"seed": run.seed}, indent=2)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise UsageError(f"{run.folder} holds another run, of {path}; take another folder, or remove it")
    path.write_text(text, encoding="utf-8")


def _served(model: StreamModel, shown: Pictures, run: Run) -> Any:
    """Predictions of a model worker: what is measured is what is served."""
    folder = run.folder / "model"
    save_model(folder, model)
    probs = predict(ModelWorker(folder), shown)
    torch.set_num_threads(run.threads)
    return probs


def _fresh_card(wanted: Wanted, labels: tuple[str, ...]) -> ModelCard:
    label_set, blueprint = LabelSet("label", "exclusive", labels), wanted.blueprint
    temporal = blueprint.temporal
    if temporal.name in ("frame_average", "stream_fusion"):  # of softmaxes, not of sigmoids
        temporal = replace(temporal, parameters={**temporal.parameters, "kind": label_set.kind})
    return ModelCard(
        wanted.name, blueprint.encoder, temporal, blueprint.clip, blueprint.mean, blueprint.std, (label_set,), {}, {}
    )


def _begin_with(start: str, model: StreamModel) -> dict[str, Any]:
    """Copy the encoder's weights of the model to start from, a 2D ResNet's inflated; returns what the record says."""
    if start.startswith(PREFIX):
        return begin_with(start, model.encoder)
    known = load_model(resolve(start))
    if known.card.encoder == model.card.encoder:
        model.encoder.load_state_dict(known.encoder.state_dict())
    elif isinstance(known.encoder, InflatedResNet) and isinstance(model.encoder, InflatedResNet):
        load_inflated(model.encoder, weights_2d(known.encoder))
    else:
        raise ModelError(f"{start} has another encoder than is trained: {known.card.encoder}, not {model.card.encoder}")
    return {"fingerprint": known.card.fingerprint, "name": known.card.name}


def _record(wanted: Wanted, tables: tuple[Table, Table], run: Run, progress: Progress) -> dict[str, Any]:
    seen, unseen = tables
    return {
        "data": wanted.data,
        "examples": {"train": dict(counted(seen)), "validation": dict(counted(unseen))},
        "validation_groups": list(unseen.groups),
        "stage": asdict(wanted.stage),
        "freeze_encoder": wanted.freeze_encoder,
        "mirror": wanted.mirror,
        "seed": run.seed,
        "commit": commit(),
        "torch": torch.__version__,
        "classifier": {name: round(value, 5) for name, value in asdict(progress).items()},
    }
