"""Seeded drawing of style parameters such that held-out seeds show what training seeds never do."""

import colorsys
from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar

import numpy as np

T = TypeVar("T")
Split: TypeAlias = Literal["train", "validation", "heldout"]
Color: TypeAlias = tuple[float, float, float]

HELDOUT_SEEDS = range(0, 10_000)
VALIDATION_SEEDS = range(10_000, 20_000)
_BINS = 10
_HELDOUT_BINS = (2, 7)
_VALIDATION_BINS = (4,)
_OWN_BINS: dict[Split, tuple[int, ...]] = {
    "heldout": _HELDOUT_BINS,
    "validation": _VALIDATION_BINS,
    "train": tuple(b for b in range(_BINS) if b not in _HELDOUT_BINS + _VALIDATION_BINS),
}


def split_of(seed: int) -> Split:
    """Return the split a seed belongs to: 0…9,999 held-out, 10,000…19,999 validation, all others train."""
    if seed in HELDOUT_SEEDS:
        return "heldout"
    return "validation" if seed in VALIDATION_SEEDS else "train"


def generator(seed: int, purpose: int, *more: int) -> np.random.Generator:
    """Return a generator of its own for one purpose of one seed; equal arguments give equal numbers for ever."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, purpose, *more])))


class Draw:
    """Draws style parameters from the part of every range that belongs to one split.

    A range is cut into ten equal bins: the third and the eighth are held-out, the fifth is for validation, the others
    are for training. Of a list of choices the last quarter is held-out and the one before it is for validation.
    What decides actions and times is not a style: it comes from `rng` directly and has one distribution everywhere.
    """

    def __init__(self, rng: np.random.Generator, split: Split) -> None:
        self.rng = rng
        self.split = split

    def uniform(self, low: float, high: float, rounds: int = 1) -> float:
        """Return a number of [low, high) that lies in one of the split's own bins.

        With `rounds` > 1 the range is cut into that many parts first and each part into ten bins: finer, more mixed.
        """
        bins = _OWN_BINS[self.split]
        position = (bins[int(self.rng.integers(len(bins)))] + self.rng.random()) / _BINS
        position = (position + int(self.rng.integers(rounds))) / rounds
        return float(low + (high - low) * position)

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options that belong to the split (≥ 3 options)."""
        own = self._own(options)
        return own[int(self.rng.integers(len(own)))]

    def _own(self, options: Sequence[T]) -> Sequence[T]:
        first_heldout = len(options) - max(1, len(options) // 4)
        assert first_heldout >= 2, "a family needs at least three members to reserve some"
        if self.split == "heldout":
            return options[first_heldout:]
        return (
            options[first_heldout - 1 : first_heldout] if self.split == "validation" else options[: first_heldout - 1]
        )

    def chance(self, probability: float) -> bool:
        """Return true with `probability`, whatever the split."""
        return bool(self.rng.random() < probability)

    def color(
        self, saturation: tuple[float, float], value: tuple[float, float], hue: tuple[float, float] = (0.0, 1.0)
    ) -> Color:
        """Return an RGB colour, 0…255, whose hue and value lie in the split's own bins."""
        s = float(self.rng.uniform(*saturation))
        r, g, b = colorsys.hsv_to_rgb(self.uniform(*hue, rounds=3), s, self.uniform(*value))
        return (255 * r, 255 * g, 255 * b)

    def paint(self, value: tuple[float, float]) -> Color:
        """Return a colour for walls: mostly pale, sometimes strong."""
        return self.color((0.02, 0.16) if self.chance(0.75) else (0.15, 0.42), value)

    def material(self, value: tuple[float, float]) -> Color:
        """Return a colour for floors and furniture: wood and stone, grey, sometimes painted."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.color((0.15, 0.55), value, hue=(0.04, 0.13))
        return self.color((0.0, 0.12) if kind < 0.78 else (0.15, 0.45), value)


def shade(color: Color, factor: float) -> Color:
    """Return `color` made darker (factor < 1) or lighter (factor > 1), clipped to 0…255."""
    r, g, b = (min(255.0, channel * factor) for channel in color)
    return (r, g, b)
