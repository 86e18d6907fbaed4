"""Examples: parts of videos, what each shows, and who may not be on both sides of a split."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, slots=True)
class Example:
    """A part of a video that shows one thing.

    Attributes:
        video: a file's path, or a scene's URI.
        start_s, end_s: of the part; None where it is the whole video.
        group: examples of one group never lie on both sides of a split.
        split: the side it is meant for; None where that is drawn.
    """

    video: str
    label: str
    group: str
    start_s: float | None = None
    end_s: float | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Examples of at least two labels.

    Attributes:
        labels: sorted; a label's index is its class.
    """

    examples: tuple[Example, ...]
    labels: tuple[str, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted({example.group for example in self.examples}))


def counted(table: Table) -> Mapping[str, int]:
    """How many examples each label has."""
    return Counter(example.label for example in table.examples)
