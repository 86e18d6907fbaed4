"""A timeline as a picture: one row for each label, time running right, round times below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Group
from rich.text import Text

from longtake.terminal import EVERYTHING, OPEN_MARK, Asked, colour, day, time_of_day, window
from longtake.times import WALL_CLOCK_S
from pipeline.values import Gap, Segment, Timeline

_DAY_S = 86_400
_STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
    *(_DAY_S * days for days in (1, 2, 7, 14, 28, 91, 365)),
)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where on `cells` characters the seconds from `start` to `end` lie."""

    start: float
    end: float
    cells: int

    def at(self, seconds: float) -> float:
        """The place of a moment, in cells from the left."""
        return (seconds - self.start) * self.cells / (self.end - self.start)


def picture(timeline: Timeline, width: int, asked: Asked = EVERYTHING) -> Group:
    """Draw what was asked over `width` characters; gaps (unless filled) hatch every row."""
    labels = list(dict.fromkeys(segment.label for segment in timeline.segments))
    margin = max((len(label) for label in labels), default=4) + 2
    scale = _Scale(*window(timeline, asked), max(10, width - margin))
    rows: list[Text] = []
    for label in labels or ["—"]:
        row = _bars([segment for segment in timeline.segments if segment.label == label], timeline.gaps, scale)
        rows.append(Text(f"{label:>{margin - 2}}  ", colour(label)) + row)
    return Group(*rows, Text(" " * margin + _axis(scale), "dim"))


def _bars(segments: Sequence[Segment], gaps: Sequence[Gap], scale: _Scale) -> Text:
    """Half blocks draw a segment's ends within a cell; one that is still open ends in a mark."""
    spans = [(scale.at(one.start), scale.at(scale.end if one.end is None else one.end)) for one in segments]
    hatches = [(scale.at(gap.start), scale.at(gap.end)) for gap in gaps if not gap.filled]
    hatched = {cell for left, right in hatches for cell in _cells(left, right, scale.cells)}
    style = colour(segments[0].label) if segments else "dim"
    empty = [("░", "dim") if cell in hatched else ("·", "bright_black") for cell in range(scale.cells)]
    blocks = [max(_block(cell, left, right) for left, right in spans or [(0, 0)]) for cell in range(scale.cells)]
    if any(one.end is None for one in segments):
        blocks[-1] = OPEN_MARK
    drawn = [(block, style) if block else nothing for block, nothing in zip(blocks, empty, strict=True)]
    runs = [("".join(one for one, _ in run), style) for style, run in groupby(drawn, lambda cell: cell[1])]
    return Text.assemble(*runs)


def _cells(left: float, right: float, cells: int) -> range:
    """The cells that a span touches."""
    return range(max(0, int(left)), min(cells, max(int(left) + 1, math.ceil(right))))


def _block(cell: int, left: float, right: float) -> str:
    """The character for what the span from `left` to `right` covers of a cell; none where that is next to nothing."""
    covered = min(right, cell + 1) - max(left, cell)
    if covered <= 0.1:
        return ""
    if covered > 0.75:
        return "█"
    return "▐" if left > cell and right > cell + 1 else "▌"


def _axis(scale: _Scale) -> str:
    """Round times, each beside a tick at its place: right of it, or left where the picture ends."""
    step = next((step for step in _STEPS_S if _fits(step, scale)), _STEPS_S[-1])
    line = " " * scale.cells
    for number in range(math.ceil(scale.start / step - 1e-9), math.floor(scale.end / step + 1e-9) + 1):
        mark, cell = _mark(number * step, step), min(int(scale.at(number * step) + 1e-6), scale.cells - 1)
        right_of_it = cell + len(mark) < scale.cells
        shown, left = (f"╵{mark}", cell) if right_of_it else (f"{mark}╵", cell - len(mark))
        if left >= 0 and not line[max(0, left - 1) : left + len(shown)].strip():
            line = line[:left] + shown + line[left + len(shown) :]
    return line.rstrip()


def _fits(step: float, scale: _Scale) -> bool:
    return scale.at(scale.start + step) >= len(_mark(scale.end, step)) + 3


def _mark(seconds: float, step: float) -> str:
    """A time as precisely as steps of this length need it; midnight, where seconds do not matter, is the day."""
    if seconds >= WALL_CLOCK_S and step >= 60:
        return time_of_day(seconds)[:5] if seconds % _DAY_S else day(seconds)[-5:]
    return time_of_day(seconds) if step < 1 else time_of_day(seconds)[:-2]
