"""How a run went: a row at every validation, and the picture of it."""

import csv
from pathlib import Path

COLUMNS = ("step", "elapsed_s", "loss", "validation")


class Curve:
    """A CSV file that grows; what a run that was stopped had written after its checkpoint is dropped.

    Args:
        step: of the checkpoint the run goes on from; 0 begins anew.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        kept = [row for row in read(path) if row["step"] <= step] if path.exists() and step else []
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, step: int, elapsed_s: float, loss: float, validation: float) -> None:
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow((step, round(elapsed_s, 1), round(loss, 5), round(validation, 5)))


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a curve."""
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def draw(paths: list[Path], picture: Path) -> None:
    """Draw curves beside each other as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(paths), 3.5), layout="constrained")
    for axes, path in zip(figure.subplots(1, len(paths), squeeze=False)[0], paths, strict=True):
        rows = read(path)
        steps = [row["step"] for row in rows]
        for name, marker in (("loss", ""), ("validation", "o")):
            axes.plot(steps, [row[name] for row in rows], marker=marker, markersize=3, label=name)
        axes.set(title=path.stem, xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=110)
