"""Several architectures on the same data, after equally many clips: how right, at what cost."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.evaluation.baselines import BASELINES, baseline
from pipeline.evaluation.clips import ClipFigures, clip_figures, predict
from pipeline.models.anatomy import dissect
from pipeline.models.build import save_model
from pipeline.models.card import load_card
from pipeline.models.ladder import Blueprint, architectures
from pipeline.models.requests import black_clip
from pipeline.models.worker import ModelWorker
from pipeline.training.data.examples import Table
from pipeline.training.data.pictures import pictures
from pipeline.training.data.split import Fold, fold_for_test, leave_one_out
from pipeline.training.data.table import read_table
from pipeline.training.record import commit
from pipeline.training.run import Run
from pipeline.training.train_classifier import STAGE, Wanted, fit
from pipeline.values import ClipSpec, Float32Array

CHOSEN = "chosen by validation"
_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Contestant:
    """What one of them is made of.

    Attributes:
        start: see `Wanted`.
    """

    name: str
    family: str
    blueprint: Blueprint
    start: str | None = None


def of_the_ladder(names: Sequence[str]) -> tuple[Contestant, ...]:
    """Architectures by their names.

    Raises:
        UsageError: there is none of a name.
    """
    known = architectures()
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"unknown architecture {unknown[0]!r}; choose of {', '.join(known)}")
    return tuple(Contestant(name, known[name][0].family, known[name][1]) for name in names)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and how.

    Attributes:
        clips_seen: that every model learns from, whatever its batch.
        leave_one_out: every group is held out once; else a quarter of the examples, whole groups.
        learning_rate: of all models.
    """

    contestants: tuple[Contestant, ...]
    data: str
    clips_seen: int
    leave_one_out: bool = False
    learning_rate: float = STAGE.learning_rate


@dataclass(frozen=True, slots=True)
class Standing:
    """How one contestant did on examples it has not seen.

    Attributes:
        gmac: of one clip; None for what is no network.
        ms: processor milliseconds of one clip on one thread, the median; all networks were timed in turns.
        train_s: seconds of optimising, over all folds.
    """

    name: str
    family: str
    figures: ClipFigures
    parameters: int | None = None
    gmac: float | None = None
    ms: float | None = None
    train_s: float | None = None


def compare(comparison: Comparison, out_dir: Path, run: Run) -> list[Standing]:
    """Train and measure everybody, baselines too; write `compare.json`, `compare.md` and `compare.png`.

    A comparison that was stopped goes on when it is called again with the same arguments.

    Raises:
        UsageError: the data are not what they should be, or have too few groups.
        TrainingFailed: a model's loss is no number any more.
    """
    table = read_table(comparison.data)
    folds = leave_one_out(table) if comparison.leave_one_out else [fold_for_test(table, run.seed)]
    answers = [_answers(one, comparison, folds, run) for one in comparison.contestants]
    standings = [_standing(*pair, folds, run) for pair in zip(comparison.contestants, answers, strict=True)]
    standings += [_chosen(answers, folds)] if len(answers) > 1 else []
    clip = replace(comparison.contestants[0].blueprint.clip, motion=None)
    standings += [_baseline(name, clip, folds, run) for name in BASELINES]
    timed = _timed([run.folder / one.name for one in comparison.contestants])
    standings = [replace(one, ms=timed.get(one.name)) for one in standings]
    _write(out_dir, comparison, table, standings, run)
    return standings


@dataclass(frozen=True, slots=True)
class _Answered:
    """A fold's test, answered by one contestant.

    Attributes:
        validation_loss: on examples of the fold that it did not learn from, none of the test.
        probs: S×C, of the examples held out.
    """

    validation_loss: float
    probs: Float32Array
    train_s: float


def _answers(one: Contestant, comparison: Comparison, folds: Sequence[Fold], run: Run) -> list[_Answered]:
    """Train a contestant for every fold; the last fold's model is kept to be timed."""
    stage = replace(STAGE, steps=comparison.clips_seen // STAGE.batch, learning_rate=comparison.learning_rate)
    wanted, answers = Wanted(one.name, one.blueprint, comparison.data, stage, one.start), []
    for fold in folds:
        folder = run.folder / one.name / fold.held_out.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        run.log(f"{one.name}: {fold.held_out} is held out")
        model, record = fit(wanted, fold.train, replace(run, folder=folder), float("inf"))
        model = replace(model, card=replace(model.card, training=record))
        save_model(folder / "model", model)
        shown = pictures(fold.test, one.blueprint.clip, run.cache, run.log)
        probs = predict(ModelWorker(folder / "model"), shown)
        answers.append(_Answered(record["classifier"]["best"], probs, record["classifier"]["elapsed_s"]))
    save_model(run.folder / one.name, model)
    return answers


def _standing(one: Contestant, answers: Sequence[_Answered], folds: Sequence[Fold], run: Run) -> Standing:
    anatomy = dissect(load_card(run.folder / one.name))
    figures = _pooled([answered.probs for answered in answers], folds)
    train_s = sum(answered.train_s for answered in answers)
    return Standing(one.name, one.family, figures, anatomy.parameters, anatomy.gmac, None, train_s)


def _chosen(answers: Sequence[Sequence[_Answered]], folds: Sequence[Fold]) -> Standing:
    """In every fold the contestant with the lowest validation loss: a choice that has not seen the test."""
    best = [min(of_fold, key=lambda answered: answered.validation_loss) for of_fold in zip(*answers, strict=True)]
    return Standing(CHOSEN, "any of these", _pooled([answered.probs for answered in best], folds))


def _baseline(name: str, clip: ClipSpec, folds: Sequence[Fold], run: Run) -> Standing:
    probs = []
    for fold in folds:
        train, test = (pictures(part, clip, run.cache, run.log) for part in (fold.train, fold.test))
        probs.append(baseline(name, train, test, len(fold.train.labels)))
    return Standing(name, "no network", _pooled(probs, folds))


def _pooled(probs: Sequence[Float32Array], folds: Sequence[Fold]) -> ClipFigures:
    classes = [fold.test.labels.index(one.label) for fold in folds for one in fold.test.examples]
    return clip_figures(np.concatenate(probs), classes)


def _timed(directories: Sequence[Path]) -> dict[str, float]:
    """Median milliseconds of one clip from pixels to scores, by model; in turns, so that all meet the same load."""
    workers = {directory.name: ModelWorker(directory) for directory in directories}
    taken: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(_ROUNDS):
        for name, worker in workers.items():
            clip = black_clip(worker.card.clip)
            began_s = time.thread_time()
            worker.infer(clip, 0.0, None)
            taken[name].append(1000 * (time.thread_time() - began_s))
    return {name: float(np.median(times[1:])) for name, times in taken.items()}


def _write(out_dir: Path, comparison: Comparison, table: Table, standings: Sequence[Standing], run: Run) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    document = {
        "comparison": asdict(comparison),
        "labels": list(table.labels),
        "seed": run.seed,
        "commit": commit(),
        "standings": [asdict(one) for one in standings],
    }
    (out_dir / "compare.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (out_dir / "compare.md").write_text(_page(comparison, standings), encoding="utf-8")
    draw(standings, out_dir / "compare.png")


def _page(comparison: Comparison, standings: Sequence[Standing]) -> str:
    ways = "every group held out once" if comparison.leave_one_out else "a quarter held out, whole groups"
    lines = [
        f"`{comparison.data}`, {ways}; {comparison.clips_seen:,} clips seen by each network.",
        "",
        "| model | family | accuracy | 95 % | macro recall | parameters | GMAC | ms per clip | trained, s |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    ordered = sorted(standings, key=lambda standing: -standing.figures.accuracy)
    return "\n".join([*lines, *(f"| {' | '.join(_cells(one))} |" for one in ordered)]) + "\n"


def _cells(one: Standing) -> Sequence[str]:
    figures, costs = one.figures, (one.parameters, one.gmac, one.ms, one.train_s)
    right = (f"{figures.accuracy:.3f}", f"{figures.low:.2f}–{figures.high:.2f}", f"{figures.macro_recall:.3f}")
    return one.name, one.family, *right, *map(_number, costs, (",d", ".3f", ".1f", ".0f"))


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def draw(standings: Sequence[Standing], picture: Path) -> None:
    """Accuracy against multiply-adds and against milliseconds of a clip, as PNG; baselines are lines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    gmac, ms = [one.gmac for one in standings], [one.ms for one in standings]
    for axes, unit, costs in ((left, "GMAC", gmac), (right, "ms", ms)):
        for one, cost in zip(standings, costs, strict=True):
            figures = one.figures
            at = {"textcoords": "offset points", "xytext": (4, 3), "fontsize": 8}
            if cost is None:
                axes.axhline(figures.accuracy, linestyle=":", color="grey")
                axes.annotate(one.name, (0, figures.accuracy), xycoords=("axes fraction", "data"), **at)
                continue
            span = [[figures.accuracy - figures.low], [figures.high - figures.accuracy]]
            axes.errorbar(cost, figures.accuracy, span, fmt="o", alpha=0.7)
            axes.annotate(one.name, (cost, figures.accuracy), **at)
        axes.set(xscale="log", xlabel=f"{unit} per clip", ylim=(0, 1.02))
        axes.grid(alpha=0.3)
    left.set_ylabel("accuracy, 95 % interval")
    figure.savefig(picture, dpi=110)
