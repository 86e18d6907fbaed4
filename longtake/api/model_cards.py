"""The cards of models that this machine has, by fingerprint: what their scores mean."""

from functools import lru_cache
from pathlib import Path

from pipeline.control.board import Board
from pipeline.errors import LongtakeError
from pipeline.models.card import CARD_FILE, WEIGHTS_FILE, ZOO, ModelCard, list_models, load_card
from pipeline.models.torchvision_zoo import folder, published_models


def cards(board: Board) -> dict[str, ModelCard]:
    """Return the cards of the models that come with longtake, and of those that are served, as far as they are here."""
    named = dict.fromkeys([*list_models(), *(pool.model for pool in board.pools().values())])
    found = (_card(_folder(name)) for name in named)
    return {card.fingerprint: card for card in found if card is not None}


def _folder(name: str) -> Path:
    """Where a model is if it is here; none is made, as `resolve` would."""
    if name in list_models():
        return ZOO / name
    return folder(name) if name in published_models() else Path(name)


def _card(directory: Path) -> ModelCard | None:
    try:
        changed = tuple((directory / name).stat().st_mtime_ns for name in (CARD_FILE, WEIGHTS_FILE))
        return _loaded(directory, changed)
    except (OSError, LongtakeError):
        return None


@lru_cache(maxsize=64)
def _loaded(directory: Path, changed_ns: tuple[int, ...]) -> ModelCard:
    """Read a card, once for each of its versions: its fingerprint is that of all its weights."""
    return load_card(directory)
