"""What commands that ask several streams have in common: which streams, which range, how it is answered."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from longtake.times import parse_bound
from pipeline.errors import NotThere, UsageError
from pipeline.timeline.pages import matching
from pipeline.timeline.reads import Span
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore


class Answer(StrEnum):
    """How a list of findings is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


AnswerOption = Annotated[Answer, typer.Option("--format", help="How to write the answer.")]
StreamsOption = Annotated[
    list[str] | None, typer.Option("--streams", help="Only these: names or patterns ('dock-*'), by commas or again.")
]
AfterOption = Annotated[
    str | None,
    typer.Option(help="Only what overlaps [after, before): 90 or 1:30; 17:40 or a date (UTC); 10m: before the end."),
]
BeforeOption = Annotated[str | None, typer.Option(help="End of that range, in the same words.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whom to ask, about when.

    Attributes:
        infos: the streams, by name.
    """

    infos: tuple[StreamInfo, ...]
    span: Span

    @property
    def streams(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(info.name for info in self.infos)


def chosen(store: TimelineStore, patterns: Sequence[str] | None, after: str | None, before: str | None) -> Chosen:
    """Return the streams that the patterns name, or all, and the range, told from the latest that any is watched to.

    Raises:
        UsageError: a pattern matches no stream, a time is none, or the range is empty.
    """
    known = {info.name: info for info in store.streams()}
    asked = [part.strip() for pattern in patterns or () for part in pattern.split(",")]
    infos = tuple(known[name] for name in matching(list(known), asked))
    if asked and not infos:
        raise NotThere(f"no stream matches {', '.join(asked)}; longtake streams ls shows them")
    watched_s = max((info.until_s for info in infos), default=0.0)
    since, until = (None if text is None else parse_bound(text, watched_s) for text in (after, before))
    if since is not None and until is not None and since >= until:
        raise UsageError(f"--after must lie before --before, got {after} and {before}")
    return Chosen(infos, Span.of(since, until))


def check_score(min_score: float | None) -> None:
    """Raise `UsageError` if it is no probability."""
    if min_score is not None and not 0 <= min_score <= 1:
        raise UsageError(f"--min-score must lie between 0 and 1, got {min_score:g}")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows below a header; None is an empty field."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return page.getvalue()
