"""What a person reads in a terminal: times, and a timeline as a table; `longtake.picture` draws it."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from longtake.times import WALL_CLOCK_S
from pipeline.values import Gap, Segment, Timeline

OPEN_MARK = "▶"
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green", "bright_magenta")
_MORE_ROWS = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a timeline; None where it was not.

    Attributes:
        since, until: timeline seconds.
        watched_s: timeline seconds up to which the stream is watched, where the caller knows.
    """

    since: float | None = None
    until: float | None = None
    label: str | None = None
    min_score: float | None = None
    watched_s: float | None = None


EVERYTHING = Asked()


def clock(seconds: float) -> str:
    """Seconds from a recording's start as m:ss.s, unix seconds as date and time (UTC)."""
    return f"{day(seconds)} {time_of_day(seconds)}".lstrip()


def day(seconds: float) -> str:
    """The date of unix seconds (UTC); empty for a recording's."""
    return f"{_moment(seconds):%Y-%m-%d}" if seconds >= WALL_CLOCK_S else ""


def time_of_day(seconds: float) -> str:
    """As `clock`, without the date."""
    if seconds >= WALL_CLOCK_S:
        moment = _moment(seconds)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def short_clock(seconds: float, today: str = "") -> str:
    """As `clock`, without tenths of nothing, and without a date that is `today`."""
    return clock(seconds).removesuffix(".0").removeprefix(f"{today} ")


def as_bound(seconds: float) -> str:
    """A time as --since takes it, at most a second earlier."""
    return short_clock(int(seconds)).replace(" ", "T")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 1), UTC)


def window(timeline: Timeline, asked: Asked = EVERYTHING) -> tuple[float, float]:
    """First and last second to show: what was asked of what is watched."""
    items: list[Segment | Gap] = [*timeline.segments, *timeline.gaps]
    starts = [item.start for item in items]
    ends = [item.start if item.end is None else item.end for item in items]
    if asked.watched_s is not None:
        starts, ends = [*starts, asked.watched_s - timeline.duration], [*ends, asked.watched_s]
    elif min(starts, default=0.0) < WALL_CLOCK_S:
        starts, ends = [*starts, 0.0], [*ends, timeline.duration]
    start = min(starts) if asked.since is None else max(asked.since, min(starts))
    end = max(ends) if asked.until is None else min(asked.until, max(ends))
    return start, max(end, start + 1e-3)


def title(timeline: Timeline, asked: Asked = EVERYTHING) -> str:
    """The stream, the day of a wall clock, and what was asked."""
    today = day(window(timeline, asked)[0])
    since, until = (None if edge is None else short_clock(max(0.0, edge), today) for edge in (asked.since, asked.until))
    parts = [timeline.stream, f"{today} UTC" if today else ""]
    if since and until:
        parts.append(f"{since}–{until}")
    else:
        parts.append(f"from {since}" if since else f"until {until}" if until else f"{timeline.duration:.1f} s")
    parts.append(f"label {asked.label}" if asked.label is not None else "")
    parts.append(f"score ≥ {asked.min_score:g}" if asked.min_score is not None else "")
    return " · ".join(part for part in parts if part)


def nothing(timeline: Timeline, asked: Asked = EVERYTHING) -> str:
    """The sentence that answers where there is neither a segment nor a gap."""
    today = day(window(timeline, asked)[0])
    until = "" if asked.watched_s is None else f"; watched until {short_clock(asked.watched_s, today)}"
    return f"{title(timeline, asked)}: nothing{until}"


def table(timeline: Timeline, asked: Asked = EVERYTHING) -> RenderableType:
    """Title, then segments and gaps by start, one line each."""
    view = Table(box=box.SIMPLE_HEAD)
    for column in ("start", "end", "seconds"):
        view.add_column(column, justify="right", no_wrap=True)
    view.add_column("label")
    view.add_column("score", justify="right")
    items: list[Segment | Gap] = [*timeline.segments, *timeline.gaps]
    items.sort(key=lambda item: item.start)
    start, end = window(timeline, asked)
    today = day(start)
    for item in items[:_MORE_ROWS]:
        if day(item.start) != today:
            today = day(item.start)
            view.add_row(Text(today, "dim"))
        view.add_row(*_row(item, end if asked.watched_s is None else asked.watched_s))
    return Group(Text(title(timeline, asked), "italic"), view, *_more(items[_MORE_ROWS:]))


def _row(item: Segment | Gap, watched_s: float) -> tuple[RenderableType, ...]:
    end = max(item.start, watched_s) if item.end is None else item.end
    shown = f"open {OPEN_MARK}" if item.end is None else time_of_day(end)
    times = (time_of_day(item.start), shown, f"{end - item.start:.1f}")
    if isinstance(item, Gap):
        return *times, Text(f"gap: {item.reason}{', filled' if item.filled else ''}", "dim"), ""
    return *times, Text(item.label, colour(item.label)), _at_most(item.score)


def _at_most(score: float) -> str:
    """Rounded down, so that asking for at least what is shown finds the segment."""
    nearest = round(score, 2)
    return f"{nearest if nearest <= score else nearest - 0.01:.2f}"


def _more(left: list[Segment | Gap]) -> Iterator[Text]:
    """How to see the rows there is no room for."""
    if left:
        yield Text(f"and {len(left)} more: ask --since {as_bound(left[0].start)}, or all with --format json\n", "dim")


def colour(label: str) -> str:
    """The colour of a label, the same in every run."""
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]
