"""The card of a model: what `model.json` says, checked against the weights beside it. Needs no torch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import ModelError, UsageError
from pipeline.models.torchvision_zoo import folder, published_models
from pipeline.models.weights import require_safetensors
from pipeline.values import ClipSpec, MotionSpec, Scaling

CARD_FILE = "model.json"
WEIGHTS_FILE = "model.safetensors"
DEFAULT_MODEL = "longtake-small"
ZOO = Path(__file__).parent / "zoo"
FORMAT = 1

_KINDS = ("exclusive", "independent")


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labels that are scored together: `exclusive` (softmax with background) or `independent` (sigmoid)."""

    name: str
    kind: Literal["exclusive", "independent"]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"a label set is one of {', '.join(_KINDS)}, got {self.kind!r}")
        if not self.labels:
            raise ValueError(f"label set {self.name!r} has no labels")

    @property
    def logits(self) -> int:
        """How many numbers the head gives: one more than labels where background competes."""
        return len(self.labels) + (self.kind == "exclusive")


@dataclass(frozen=True, slots=True)
class Part:
    """An encoder or temporal model by its registered name, and its constructor's parameters."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything a lane and a worker must know of a model.

    Attributes:
        mean, std: of RGB in [0, 1], per channel; the worker normalises.
        label_sets: in the order of the scores.
        segmenter: thresholds chosen on validation streams, in the segmenter's own words.
        training: how the weights came to be.
        fingerprint: 32 hex digits of SHA-256 over this card and the weights' bytes.
    """

    name: str
    encoder: Part
    temporal: Part
    clip: ClipSpec
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    label_sets: tuple[LabelSet, ...]
    segmenter: Mapping[str, Any]
    training: Mapping[str, Any]
    fingerprint: str = field(default="")

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels must be present and differ, got {self.labels}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"normalisation wants 3 means and 3 positive stds, got {self.mean} and {self.std}")

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels, in the order of the scores."""
        return tuple(label for label_set in self.label_sets for label in label_set.labels)


def load_card(directory: Path) -> ModelCard:
    """Read and check a model directory.

    Raises:
        ModelError: the directory is missing or holds a pickle; a file is missing or broken; a key is missing or
            unknown; the fingerprint is not that of the files.
    """
    if not directory.is_dir():
        raise ModelError(f"no model directory at {directory}; want a folder with {CARD_FILE} and {WEIGHTS_FILE}")
    require_safetensors(directory / WEIGHTS_FILE)
    card = _parse(directory / CARD_FILE)
    expected = fingerprint(card, directory / WEIGHTS_FILE)
    if card.fingerprint != expected:
        raise ModelError(
            f"{directory / CARD_FILE} has fingerprint {card.fingerprint!r} but its files give {expected!r}: "
            "the card or the weights changed after they were saved; fetch or train the model again"
        )
    return card


def save_card(directory: Path, card: ModelCard) -> ModelCard:
    """Write `model.json` beside weights that are already there; return the card with its fingerprint."""
    card = replace(card, fingerprint=fingerprint(card, directory / WEIGHTS_FILE))
    text = json.dumps(_document(card) | {"fingerprint": card.fingerprint}, indent=2, ensure_ascii=False)
    (directory / CARD_FILE).write_text(text + "\n", encoding="utf-8")
    return card


def fingerprint(card: ModelCard, weights: Path) -> str:
    """32 hex digits of SHA-256 over the card's canonical JSON (without its fingerprint) and the weights' bytes."""
    text = json.dumps(_document(card), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode() + b"\0" + weights.read_bytes()).hexdigest()[:32]


def list_models() -> tuple[str, ...]:
    """Names of the models that come with longtake."""
    return tuple(sorted(path.parent.name for path in ZOO.glob(f"*/{CARD_FILE}")))


def registered_models() -> tuple[str, ...]:
    """Names that mean the same model on every machine: those that come with longtake, and those it can make."""
    return (*list_models(), *published_models())


def resolve(name_or_directory: str | Path) -> Path:
    """Return the directory of a model given by its registered name or by a path; a published model's is made once.

    Raises:
        UsageError: neither; the message names the registered models.
        ModelError: a published model cannot be made, since its weights are not here, or there is no torch.
    """
    text = str(name_or_directory)
    if text in list_models():
        return ZOO / text
    if text in published_models():
        return _made(text)
    if Path(text).is_dir():
        return Path(text)
    raise UsageError(
        f"unknown model {text!r}; choose one of {', '.join(registered_models())}, or give a directory with {CARD_FILE}"
    )


def _made(name: str) -> Path:
    directory = folder(name)
    if not directory.is_dir():
        if find_spec("torch") is None:
            raise ModelError(
                f"model {name} has not been made yet, which takes torch: install longtake[model], "
                f"or bring {directory} from another machine"
            )
        import_module("pipeline.models.conversion").convert(name, directory)  # loads torch, so not where it is made
    return directory


def _document(card: ModelCard) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": card.name,
        "architecture": {"encoder": _plain(card.encoder), "temporal": _plain(card.temporal)},
        "clip": {key: value for key, value in asdict(card.clip).items() if value is not None},
        "normalisation": {"mean": list(card.mean), "std": list(card.std)},
        "label_sets": [{"name": s.name, "kind": s.kind, "labels": list(s.labels)} for s in card.label_sets],
        "segmenter": dict(card.segmenter),
        "training": dict(card.training),
    }


def _plain(part: Part) -> dict[str, Any]:
    return {"name": part.name, "parameters": dict(part.parameters)}


def _parse(path: Path) -> ModelCard:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} has no {CARD_FILE}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}") from None
    try:
        return _card(document, str(path))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from None


def _card(document: Any, where: str) -> ModelCard:
    keys = "format name architecture clip normalisation label_sets segmenter training fingerprint"
    top = _keys(document, where, keys)
    if top["format"] != FORMAT:
        raise ModelError(f"{where} has format {top['format']!r}; this longtake reads format {FORMAT}")
    architecture = _keys(top["architecture"], f"{where}: architecture", "encoder temporal")
    normalisation = _keys(top["normalisation"], f"{where}: normalisation", "mean std")
    mean, std = (tuple(float(x) for x in normalisation[key]) for key in ("mean", "std"))
    return ModelCard(
        name=str(top["name"]),
        encoder=_part(architecture["encoder"], f"{where}: encoder"),
        temporal=_part(architecture["temporal"], f"{where}: temporal"),
        clip=_clip(top["clip"], f"{where}: clip"),
        mean=mean,  # type: ignore[arg-type]  # lengths are checked by the card
        std=std,  # type: ignore[arg-type]
        label_sets=tuple(_label_set(entry, f"{where}: label_sets") for entry in top["label_sets"]),
        segmenter=_mapping(top["segmenter"], f"{where}: segmenter"),
        training=_mapping(top["training"], f"{where}: training"),
        fingerprint=str(top["fingerprint"]),
    )


def _clip(entry: Any, where: str) -> ClipSpec:
    """Of a clip, only what differs from none is written: a model that asks for no motion has no such key."""
    given = dict(_mapping(entry, where))
    scaling, motion = given.pop("scaling", None), given.pop("motion", None)
    return ClipSpec(
        **_keys(given, where, "frames height width fps stride"),
        scaling=None if scaling is None else Scaling(**_keys(scaling, f"{where}: scaling", "height width exact")),
        motion=None if motion is None else MotionSpec(**_keys(motion, f"{where}: motion", "pairs height width method")),
    )


def _part(entry: Any, where: str) -> Part:
    part = _keys(entry, where, "name parameters")
    return Part(str(part["name"]), _mapping(part["parameters"], f"{where}: parameters"))


def _label_set(entry: Any, where: str) -> LabelSet:
    fields = _keys(entry, where, "name kind labels")
    return LabelSet(str(fields["name"]), fields["kind"], tuple(str(label) for label in fields["labels"]))


def _mapping(entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ModelError(f"{where} must be an object, got {type(entry).__name__}")
    return entry


def _keys(entry: Any, where: str, wanted: str) -> dict[str, Any]:
    mapping, names = _mapping(entry, where), wanted.split()
    missing = [name for name in names if name not in mapping]
    unknown = sorted(set(mapping) - set(names))
    if missing or unknown:
        raise ModelError(
            f"{where} lacks {', '.join(missing) or 'nothing'} and has unknown {', '.join(unknown) or 'nothing'}; "
            f"the keys are {', '.join(names)}"
        )
    return mapping
