"""When a label's segment opens and closes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How one label's probability becomes segments.

    Attributes:
        smoothing: weight of the past in the exponential moving average, 0 (none) … < 1.
        on: the smoothed probability at which a segment begins.
        off: the smoothed probability below which it ends (≤ `on`: hysteresis).
        confirm_steps: how many steps a segment must have held before it opens.
        min_length_s: how long it must have held before it opens; shorter ones never appear.
        merge_gap_s: how long the probability may stay low without ending the segment.
    """

    smoothing: float = 0.0
    on: float = 0.5
    off: float = 0.4
    confirm_steps: int = 1
    min_length_s: float = 0.0
    merge_gap_s: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing must lie in [0, 1), got {self.smoothing}")
        if not 0 <= self.off <= self.on <= 1:
            raise ValueError(f"thresholds must satisfy 0 ≤ off ≤ on ≤ 1, got off={self.off}, on={self.on}")
        if self.confirm_steps < 1:
            raise ValueError(f"confirm_steps must be at least 1, got {self.confirm_steps}")
        if self.min_length_s < 0 or self.merge_gap_s < 0:
            raise ValueError(f"lengths are seconds ≥ 0, got {self.min_length_s} and {self.merge_gap_s}")


@dataclass(frozen=True, slots=True)
class Rules:
    """One rule per label, in the order of the model's scores."""

    labels: tuple[str, ...]
    rules: tuple[LabelRule, ...]

    @classmethod
    def from_card(cls, labels: Sequence[str], config: Mapping[str, Any]) -> "Rules":
        """Read `{"default": {...}, "labels": {label: {...}}}` as a model card keeps it.

        Raises:
            ValueError: an unknown label or key, or a value out of range.
        """
        _refuse_unknown(config, ("default", "labels"), "segmenter key")
        default = _with(LabelRule(), config.get("default", {}))
        own = config.get("labels", {})
        _refuse_unknown(own, labels, "label")
        return cls(tuple(labels), tuple(_with(default, own.get(label, {})) for label in labels))

    def to_card(self) -> dict[str, Any]:
        """The inverse of `from_card`."""
        return {"labels": {label: asdict(rule) for label, rule in zip(self.labels, self.rules, strict=True)}}


def _with(rule: LabelRule, changes: Mapping[str, Any]) -> LabelRule:
    _refuse_unknown(changes, tuple(field.name for field in fields(LabelRule)), "segmenter key")
    return replace(rule, **changes)


def _refuse_unknown(given: Mapping[str, Any], allowed: Sequence[str], what: str) -> None:
    for key in given:
        if key not in allowed:
            raise ValueError(f"unknown {what} {key!r}; choose from {', '.join(allowed)}")
