"""What a person sees in a terminal: a timeline as a table and as a picture."""

import datetime
import io
import zlib
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.values import Gap, Segment, Timeline

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green", "bright_magenta")
_WALL_CLOCK_S = 1e8
_MORE_ROWS = 40


def clock(seconds: float) -> str:
    """Seconds from a recording's start as m:ss.s, unix seconds as date and time (UTC)."""
    if seconds >= _WALL_CLOCK_S:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}"
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def table(timeline: Timeline) -> Table:
    """Segments and gaps by start, one line each."""
    view = Table(title=f"{timeline.stream} · {timeline.duration:.1f} s", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("start", "end", "seconds"):
        view.add_column(column, justify="right")
    view.add_column("label")
    view.add_column("score", justify="right")
    rows: list[Segment | Gap] = [*timeline.segments, *timeline.gaps]
    rows.sort(key=lambda item: item.start)
    for item in rows[:_MORE_ROWS]:
        view.add_row(*_row(item, timeline))
    if len(rows) > _MORE_ROWS:
        view.caption = f"{len(rows) - _MORE_ROWS} more: ask with --since, --label or --format json"
    return view


def _row(item: Segment | Gap, timeline: Timeline) -> tuple[RenderableType, ...]:
    if isinstance(item, Gap):
        return (
            clock(item.start),
            clock(item.end),
            f"{item.end - item.start:.1f}",
            Text(f"gap: {item.reason}{', filled' if item.filled else ''}", "dim"),
            "",
        )
    end = clock(item.end) if item.end is not None else "open"
    seconds = f"{item.end - item.start:.1f}" if item.end is not None else ""
    return clock(item.start), end, seconds, Text(item.label, colour(item.label)), f"{item.score:.2f}"


def picture(timeline: Timeline, width: int) -> Group:
    """One row per label, time running right over `width` characters; gaps (unless filled) hatch every row."""
    labels = list(dict.fromkeys(segment.label for segment in timeline.segments))
    margin = max((len(label) for label in labels), default=4) + 2
    cells = max(10, width - margin)
    start, end = _range(timeline)
    scale = cells / max(end - start, 1e-9)
    rows: list[Text] = []
    for label in labels or ["—"]:
        row = _bars([s for s in timeline.segments if s.label == label], timeline.gaps, start, end, scale, cells)
        rows.append(Text(f"{label:>{margin - 2}}  ", colour(label)) + row)
    return Group(*rows, _axis(start, end, margin, cells))


def _range(timeline: Timeline) -> tuple[float, float]:
    """Left and right edge: a recording starts at 0, a wall clock where the first thing happened."""
    items: list[Segment | Gap] = [*timeline.segments, *timeline.gaps]
    start = min((item.start for item in items), default=0.0)
    start = start if start >= _WALL_CLOCK_S else 0.0
    ends = [item.start if item.end is None else item.end for item in items]
    return start, max([*ends, start + 1e-3] if start else [*ends, timeline.duration, 1e-3])


def _bars(segments: Sequence[Segment], gaps: Sequence[Gap], start: float, end: float, scale: float, cells: int) -> Text:
    """Half blocks draw a segment's ends within a cell."""
    spans = [((s.start - start) * scale, ((end if s.end is None else s.end) - start) * scale) for s in segments]
    hatched = {
        cell
        for gap in gaps
        if not gap.filled
        for cell in range(int((gap.start - start) * scale), int((gap.end - start) * scale) + 1)
    }
    style, text = colour(segments[0].label) if segments else "dim", Text()
    for cell in range(cells):
        block = "".join(sorted(_block(cell, left, right) for left, right in spans))[-1:]
        if block:
            text.append(block, style)
        else:
            text.append("░" if cell in hatched else "·", "dim" if cell in hatched else "bright_black")
    return text


def _block(cell: int, left: float, right: float) -> str:
    """The character for what the span from `left` to `right` covers of a cell; none where that is next to nothing."""
    covered = min(right, cell + 1) - max(left, cell)
    if covered <= 0.1:
        return ""
    if covered > 0.75:
        return "█"
    return "▐" if left > cell and right > cell + 1 else "▌"


def _axis(start: float, end: float, margin: int, cells: int) -> Text:
    """Times under the picture; the last one ends where the picture ends."""
    ticks, line = max(1, cells // 16), [" "] * cells
    for tick in range(ticks + 1):
        mark = clock(start + (end - start) * tick / ticks).removesuffix(".0").split(" ")[-1]
        at = min(tick * cells // ticks, cells - len(mark))
        line[at : at + len(mark)] = mark
    return Text(" " * margin + "".join(line), "dim")


def colour(label: str) -> str:
    """The colour of a label, the same in every run."""
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]


def as_text(timeline: Timeline) -> str:
    """Table and picture as plain text, for a file."""
    sheet = Console(file=io.StringIO(), width=120)
    sheet.print(table(timeline))
    sheet.print(picture(timeline, 120))
    assert isinstance(sheet.file, io.StringIO)
    return sheet.file.getvalue()
