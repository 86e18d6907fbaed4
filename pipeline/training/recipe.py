"""A recipe: everything that decides what a training run produces, in one committed file."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import UsageError
from pipeline.models.card import Part
from pipeline.synthetic.draw import split_of
from pipeline.values import ClipSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scenes:
    """What is filmed to learn from. Held-out seeds appear in no recipe.

    Attributes:
        seconds: length of each scene.
        people: how many people each scene has, taken in turn.
        train_seeds, validation_seeds: first seed and one past the last; each range lies in its own split.
    """

    seconds: float
    people: tuple[int, ...]
    train_seeds: tuple[int, int]
    validation_seeds: tuple[int, int]

    def __post_init__(self) -> None:
        for split, (first, end) in (("train", self.train_seeds), ("validation", self.validation_seeds)):
            splits = {split_of(seed) for seed in range(first, end)}
            if splits != {split}:
                raise ValueError(f"{split}_seeds {first}…{end} are {', '.join(sorted(splits)) or 'none'}; want {split}")


@dataclass(frozen=True, slots=True)
class Stage:
    """How one half of the model is trained: AdamW, warm-up, cosine to zero.

    Attributes:
        steps: of the optimiser, fewer when a time budget ends first.
        batch: clips, or sequences.
        label_smoothing: how far targets are drawn towards ½.
        positive_weight_power: rare labels weigh (negatives / positives) to this power; 0 weighs all alike.
        validate_every: steps between validations; the best one's weights are kept.
    """

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    positive_weight_power: float
    validate_every: int


@dataclass(frozen=True, slots=True)
class View:
    """How the encoder sees clips during a part of its training: cheap views first, the real one last.

    Attributes:
        until: share of the encoder's stage at which the next view takes over; 1 for the last.
        frames, side: of the clips, in this part; side in pixels, both ways.
    """

    until: float
    frames: int
    side: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run.

    Attributes:
        start: a registered model or a model directory whose weights the run begins with; None for fresh ones.
        labels: of the independent label set `label_set`, in the order of the scores.
        encoder_share: part of the time budget that the encoder gets.
        views: of the encoder's stage, in order.
        feature_passes: how often every training stream is encoded, the first time as it is, then varied.
    """

    name: str
    start: str | None
    encoder: Part
    temporal: Part
    clip: ClipSpec
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    label_set: str
    labels: tuple[str, ...]
    scenes: Scenes
    encoder_stage: Stage
    temporal_stage: Stage
    encoder_share: float
    views: tuple[View, ...]
    feature_passes: int

    def view(self, share: float) -> View:
        """The view at this share of the encoder's stage."""
        return next((view for view in self.views if share < view.until), self.views[-1])


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UsageError: no such file, not JSON, or a key is missing, unknown or out of range; the message names it.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"recipe {path} cannot be read: {error}") from None
    try:
        return _recipe(document)
    except (TypeError, ValueError, KeyError) as error:
        raise UsageError(f"recipe {path}: {error}") from None


def dump_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values, for the training record."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain


def _recipe(document: dict[str, Any]) -> Recipe:
    parts = {
        "encoder": Part,
        "temporal": Part,
        "clip": ClipSpec,
        "scenes": Scenes,
        "encoder_stage": Stage,
        "temporal_stage": Stage,
    }
    made = {key: _make(parts[key], value) if key in parts else value for key, value in document.items()}
    return _make(Recipe, made | {"views": [_make(View, entry) for entry in made.get("views", [])]})


def _make(kind: type[T], entry: dict[str, Any]) -> T:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # all of them are dataclasses
    may_lack = {field.name for field in fields(kind) if field.default is None}  # type: ignore[arg-type]
    missing, unknown = [n for n in names if n not in {*entry, *may_lack}], sorted(set(entry) - set(names))
    if missing or unknown:
        raise ValueError(
            f"{kind.__name__} lacks {', '.join(missing) or 'nothing'} and has unknown "
            f"{', '.join(unknown) or 'nothing'}; the keys are {', '.join(names)}"
        )
    return kind(**{key: _tuples(value) for key, value in entry.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
