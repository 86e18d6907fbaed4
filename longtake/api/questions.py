"""What may be asked of timelines in a URL, and how it becomes a question to the store."""

import json
from collections.abc import Iterator
from hashlib import blake2b
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from longtake.api.access import Access
from longtake.api.cursors import from_cursor, to_cursor
from longtake.known_streams import known_names
from pipeline.ask.labels import check_labels, labels_of
from pipeline.timeline.pages import Position, Question, matching
from pipeline.timeline.reads import Span
from pipeline.timeline.store import TimelineStore

MOST_ITEMS = 10_000
MOST_BINS = 4_000
_MOST_NAMES, _LONGEST_NAME = 100, 300
_FAR_S = 1e11  # a time further off is a mistake

Time = Annotated[float, Field(ge=-_FAR_S, le=_FAR_S, allow_inf_nan=False)]
Names = Annotated[list[Annotated[str, Field(max_length=_LONGEST_NAME)]], Field(max_length=_MOST_NAMES)]


class Range(BaseModel):
    """A range of timeline seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Time | None = Field(default=None, description="only what reaches beyond this second")
    before: Time | None = Field(default=None, description="only what begins before this second")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.after is not None and self.before is not None and self.after >= self.before:
            raise ValueError(f"after must lie before before, got {self.after:.15g} and {self.before:.15g}")
        return self

    @property
    def span(self) -> Span:
        """The range as the store knows it."""
        return Span.of(self.after, self.before)


class OfStreams(Range):
    """A range of some streams."""

    stream: Names = Field(
        default=[], description="names or patterns as `dock-*`, one or more, also with commas; all streams by default"
    )

    def names(self, store: TimelineStore, access: Access) -> list[str]:
        """Return the streams that are meant, of those that whoever asks may know of.

        Raises:
            NotThere: one that is named is not there.
        """
        return list(matching(access.seen(known_names(store)), [*parts(self.stream)]))


class Asked(OfStreams):
    """A page of segments and gaps."""

    label: Names = Field(default=[], description="labels, one or more, also with commas; all by default")
    min_score: float | None = Field(default=None, ge=0, le=1, description="only segments with at least this score")
    in_progress: bool | None = Field(default=None, description="only what is open (true), or only what is not (false)")
    limit: int = Field(default=1000, ge=1, le=MOST_ITEMS)
    cursor: str | None = Field(default=None, max_length=4096, description="`next` of the page before")

    def question(self, store: TimelineStore, access: Access) -> Question:
        """Return what the store is asked.

        Raises:
            NotThere, UsageError: a stream or label that nobody knows.
        """
        names = self.names(store, access)
        labels = chosen_labels(self.label, store, names)
        return Question(tuple(names), self.span, labels, self.min_score, self.in_progress)

    def position(self, newest_first: bool) -> Position | None:
        """Return where the page begins; None is the beginning."""
        return None if self.cursor is None else from_cursor(self.cursor, self._digest(newest_first))

    def next_cursor(self, position: Position | None, newest_first: bool) -> str | None:
        """Return the cursor for what follows a page."""
        return None if position is None else to_cursor(position, self._digest(newest_first))

    def _digest(self, newest_first: bool) -> bytes:
        asked = self.model_dump(exclude={"limit", "cursor"}) | {"newest_first": newest_first}
        return blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=8).digest()


class AskedNewestFirst(Asked):
    """The same for who wants the last ones."""

    limit: int = Field(default=100, ge=1, le=MOST_ITEMS)


def chosen_labels(label: list[str], store: TimelineStore, names: list[str]) -> tuple[str, ...] | None:
    """Return the labels that are meant, None for all; what is a label with its commas is not taken apart.

    Raises:
        UsageError: one that none of the streams knows.
    """
    if not label:
        return None
    known = labels_of(store, names)
    every = frozenset().union(*known.values())
    labels = tuple(dict.fromkeys(part for one in label for part in ([one] if one in every else parts([one]))))
    check_labels(labels, known)
    return labels


def parts(values: list[str]) -> Iterator[str]:
    """Yield what stands between the commas of some values."""
    return (part.strip() for value in values for part in value.split(",") if part.strip())
