"""What is asked of many streams at once, and the one order in which the answer is given, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TypeAlias

from pipeline.errors import NotThere
from pipeline.timeline.reads import Span
from pipeline.values import Gap, Segment

Item: TypeAlias = Segment | Gap
Place: TypeAlias = tuple[float, str, str, str, str]
"""A `Position` as it is compared."""
_MOST_NAMES = 20  # in a message
_ALL_TIME = Span()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which streams.

    Attributes:
        streams: exact names; one that is not there has nothing.
        span: what overlaps it is the answer, as in `TimelineStore.timeline`.
        labels: None stands for all; gaps have no label and are shown whatever is asked.
        min_score: leaves out segments whose mean score lies below it.
        in_progress: True for open segments and gaps that are still growing, False for what is final, None for both.
        segments, gaps: whether they are shown at all.
    """

    streams: tuple[str, ...]
    span: Span = _ALL_TIME
    labels: tuple[str, ...] | None = None
    min_score: float | None = None
    in_progress: bool | None = None
    segments: bool = True
    gaps: bool = True

    def wants(self, item: Item) -> bool:
        """Tell whether a segment or a gap is part of the answer, `in_progress` aside: no gap tells whether it grows."""
        if not self.span.overlaps(item.start, item.end):
            return False
        if isinstance(item, Gap):
            return self.gaps
        return (
            self.segments
            and (self.labels is None or item.label in self.labels)
            and (self.min_score is None or item.score >= self.min_score)
        )


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of all answers: by start, then stream, gaps before segments, label, id.

    A segment keeps its place when it closes, and a gap while it grows. Of gaps, `label` is the reason, and `id` tells
    one without length from the one that starts with it.
    """

    start: float
    stream: str
    kind: str
    label: str
    id: str

    @classmethod
    def of(cls, item: Item) -> "Position":
        """Return the place of a segment or a gap."""
        return cls(*place_of(item))

    @property
    def place(self) -> Place:
        return self.start, self.stream, self.kind, self.label, self.id


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an answer.

    Attributes:
        items: by position; from the last to the first where the newest come first.
        next: ask for what follows it to go on; None where nothing is left.
    """

    items: tuple[Item, ...]
    next: Position | None


def place_of(item: Item) -> Place:
    """Return what items are sorted by."""
    if isinstance(item, Gap):
        return item.start, item.stream, "gap", str(item.reason), "" if item.end > item.start else "no length"
    return item.start, item.stream, "segment", item.label, item.id


def matching(names: Sequence[str], patterns: Sequence[str], what: str = "stream") -> tuple[str, ...]:
    """Return the names that any of the patterns means, each once, in the order of `names`; all without a pattern.

    Args:
        names: those there are.
        patterns: exact names, or globs (`dock-*`), which may match nobody.
        what: a name is of, for the message.

    Raises:
        NotThere: nothing has a name that was given; the message tells the nearest.
    """
    for pattern in patterns:
        if pattern not in names and not set(pattern) & set("*?["):
            raise NotThere(f"there is no {what} {pattern!r}; {_nearest(pattern, names, what)}")
    wanted = [name for name in names if name in patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]
    return tuple(dict.fromkeys(wanted if patterns else names))


def _nearest(pattern: str, names: Sequence[str], what: str) -> str:
    near = get_close_matches(pattern, names)
    if near:
        return f"did you mean {' or '.join(near)}?"
    shown = ", ".join(names[:_MOST_NAMES]) or "none yet"
    return f"{what}s: {shown}{', …' if len(names) > _MOST_NAMES else ''}"
