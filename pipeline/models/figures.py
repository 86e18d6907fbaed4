"""What every architecture of the ladder costs: counted once and kept, so that listing them needs no torch.

`python -m pipeline.models.figures` counts again.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.models.ladder import architectures

if TYPE_CHECKING:
    from pipeline.models.anatomy import Anatomy

FILE = Path(__file__).with_name("figures.json")


@dataclass(frozen=True, slots=True)
class Figures:
    """The totals of an anatomy.

    Attributes:
        gmac: 10⁹ multiply-adds a clip.
        state_size: numbers that the temporal model remembers of a stream.
    """

    parameters: int
    gmac: float
    state_size: int
    causal: bool

    @classmethod
    def of(cls, anatomy: "Anatomy") -> "Figures":
        """Those of a network that has been counted."""
        return cls(anatomy.parameters, round(anatomy.gmac, 9), anatomy.state_size, anatomy.causal)


def figures() -> dict[str, Figures]:
    """The figures of every architecture, by its name."""
    return {name: Figures(**entry) for name, entry in json.loads(FILE.read_text(encoding="utf-8")).items()}


def _count() -> None:
    from pipeline.models.anatomy import dissect  # loads torch

    counted = {name: asdict(Figures.of(dissect(one.card(name)))) for name, (_, one) in architectures().items()}
    lines = (f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in counted.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _count()
