"""`longtake find`: which streams had one action beside another."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from longtake.asking import (
    AfterOption,
    Answer,
    AnswerOption,
    BeforeOption,
    StreamsOption,
    as_csv,
    check_score,
    chosen,
)
from longtake.output import messages, show, write
from longtake.query import OutputOption, StoreOption
from longtake.stores import open_store
from longtake.terminal import OPEN_MARK, clock, colour, time_of_day
from longtake.times import parse_duration
from longtake.wording import counted
from pipeline.ask.find import Found, Relation, ask
from pipeline.ask.labels import check_labels, labels_of
from pipeline.errors import UsageError
from pipeline.timeline.document import dumps, item_document, rounded_s, rounded_score
from pipeline.values import Segment

COLUMNS = (
    *("stream", "label", "start", "end", "score", "id"),
    *("other_label", "other_start", "other_end", "other_score", "other_id", "apart"),
)
"""Of the CSV; what an open segment or an absent one has not is empty."""
_MORE_ROWS = 40


def find(
    label: Annotated[str, typer.Option(help="What to find.")],
    during: Annotated[str | None, typer.Option(help="Only where this label holds at the same time.")] = None,
    within: Annotated[str | None, typer.Option(help="At most so far (30s, 5m) from the other label.")] = None,
    of: Annotated[str | None, typer.Option(help="The other label, before, after or at the same time.")] = None,
    following: Annotated[str | None, typer.Option(help="Only after this label has ended.")] = None,
    followed_by: Annotated[str | None, typer.Option(help="Only where this label begins afterwards.")] = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    streams: StreamsOption = None,
    min_score: Annotated[float | None, typer.Option(help="Only segments with at least this score, 0…1.")] = None,
    format: AnswerOption = Answer.TABLE,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Find a label on all streams, also by what happened before, after or at the same time."""
    check_score(min_score)
    relation = _relation(
        label, {"during": during, "of": of, "following": following, "followed-by": followed_by}, within
    )
    wanted = [label] if relation is None else [label, relation.label]
    with open_store(store) as opened:
        asked = chosen(opened, streams, after, before)
        known = labels_of(opened, asked.streams)
        check_labels(wanted, known)
        names = [name for name in asked.streams if known[name].issuperset(wanted)]
        found = list(ask(opened, names, label, relation, asked.span, min_score))
    _present(found, format, output)


def _relation(label: str, named: dict[str, str | None], within: str | None) -> Relation | None:
    given = {option: other for option, other in named.items() if other is not None}
    if len(given) > 1:
        raise UsageError(f"one relation at a time, got {' and '.join(f'--{option}' for option in given)}")
    if not given:
        if within is not None:
            raise UsageError("--within says how far from another label: give that one with --of LABEL")
        return None
    [(option, other)] = given.items()
    if option == "during":
        if within is not None:
            raise UsageError("--during is at the same time; for some time around it: --within 30s --of LABEL")
        if other == label:
            raise UsageError(f"{label!r} always holds during itself; for one near another: --within 30s --of {label}")
        return Relation("during", other)
    within_s = math.inf if within is None else parse_duration(within)
    if option == "of":
        if within is None:
            raise UsageError("--of LABEL needs to know how far: --within 30s")
        return Relation("within", other, within_s)
    return Relation("following" if option == "following" else "followed_by", other, within_s)


def _present(found: Sequence[Found], format: Answer, output: Any) -> None:
    if format is Answer.JSON:
        write(dumps({"found": [_document(one) for one in found]}), output)
    elif format is Answer.CSV:
        write(as_csv(COLUMNS, [_row(one) for one in found]), output)
    elif output is not None:
        raise UsageError("a table is for the terminal; give --format json or csv for a file")
    else:
        show(_table(found)) if found else messages.print("nothing found")


def _document(one: Found) -> dict[str, Any]:
    other = None if one.other is None else item_document(one.other)
    apart_s = None if one.apart_s is None else rounded_s(one.apart_s)
    return {"segment": item_document(one.segment), "other": other, "apart": apart_s}


def _row(one: Found) -> list[Any]:
    beside = [None] * 6 if one.other is None else [*_fields(one.other), rounded_s(one.apart_s or 0.0)]
    return [one.segment.stream, *_fields(one.segment), *beside]


def _fields(segment: Segment) -> list[Any]:
    end = None if segment.end is None else rounded_s(segment.end)
    return [segment.label, rounded_s(segment.start), end, rounded_score(segment.score), segment.id]


def _table(found: Sequence[Found]) -> RenderableType:
    view = Table(box=box.SIMPLE_HEAD)
    view.add_column("stream")
    beside = any(one.other is not None for one in found)
    for column in ("start", "end", "label", *(("start", "end", "label", "apart") if beside else ())):
        view.add_column(column, justify="left" if column == "label" else "right", no_wrap=True)
    for one in found[:_MORE_ROWS]:
        other = [] if one.other is None else [*_cells(one.other), f"{one.apart_s:.1f} s"]
        view.add_row(escape(one.segment.stream), *_cells(one.segment), *other)
    left = len(found) - _MORE_ROWS
    more = [Text(f"and {left} more: all with --format csv or json", "dim")] if left > 0 else []
    streams = len({one.segment.stream for one in found})
    total = Text(f"{counted(len(found), 'segment')} on {counted(streams, 'stream')}", "italic")
    return Group(total, view, *more)


def _cells(segment: Segment) -> list[RenderableType]:
    end = f"open {OPEN_MARK}" if segment.end is None else time_of_day(segment.end)
    return [clock(segment.start), end, Text(segment.label, colour(segment.label))]
