"""`longtake stats`: seconds and counts by stream, label and hour."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from longtake.asking import AfterOption, Answer, AnswerOption, BeforeOption, StreamsOption, as_csv, chosen
from longtake.output import messages, show, write
from longtake.query import OutputOption, StoreOption
from longtake.stores import open_store
from longtake.terminal import short_clock
from pipeline.ask.labels import check_labels, labels_of
from pipeline.ask.stats import By, Row, parse_by, row_document, statistics
from pipeline.errors import UsageError
from pipeline.timeline.document import dumps


def stats(
    by: Annotated[str, typer.Option(help="Tell rows apart by these of stream, label, hour.")] = "stream,label",
    label: Annotated[list[str] | None, typer.Option(help="Only this label; again for more.")] = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    streams: StreamsOption = None,
    format: AnswerOption = Answer.TABLE,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Add up how long and how often each action was, over all that has ended."""
    asked_by = parse_by(by)
    with open_store(store) as opened:
        asked = chosen(opened, streams, after, before)
        check_labels(label or (), labels_of(opened, asked.streams))
        rows = statistics(opened, asked.streams, asked_by, asked.span, label or None)
    documents = [row_document(row) for row in rows]
    if format is Answer.JSON:
        write(dumps({"rows": documents}), output)
    elif format is Answer.CSV:
        columns = (*asked_by, "seconds", "count")
        write(as_csv(columns, [[one[name] for name in columns] for one in documents]), output)
    elif output is not None:
        raise UsageError("a table is for the terminal; give --format json or csv for a file")
    else:
        show(_table(rows, asked_by)) if rows else messages.print("nothing has ended in this range")


def _table(rows: Sequence[Row], by: Sequence[By]) -> Table:
    view = Table(box=box.SIMPLE_HEAD, show_footer=len(rows) > 1)
    for name in by:
        view.add_column(name, footer="all" if name == by[0] else "")
    view.add_column("seconds", justify="right", footer=f"{sum(row.seconds for row in rows):.1f}")
    view.add_column("count", justify="right", footer=str(sum(row.count for row in rows)))
    for row in rows:
        hour = "" if row.hour is None else short_clock(row.hour)
        shown = {"stream": escape(row.stream or ""), "label": escape(row.label or ""), "hour": hour}
        view.add_row(*(shown[name] for name in by), f"{row.seconds:.1f}", str(row.count))
    return view
