"""`longtake sql`: one SELECT over all timelines."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from pydantic import ByteSize, TypeAdapter, ValidationError
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from longtake.output import Format, show, write
from longtake.query import FormatOption, OutputOption, StoreOption
from longtake.stores import open_store
from longtake.times import parse_duration
from longtake.wording import counted
from pipeline.errors import UsageError
from pipeline.home import home
from pipeline.timeline.document import dumps

_MORE_ROWS = 200


def sql(
    query: Annotated[str, typer.Argument(help="A SELECT over segments, gaps, streams and hours.")],
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
    memory: Annotated[str, typer.Option(help="What it may take: 512MB, 2GiB.")] = "512MB",
    timeout: Annotated[str, typer.Option(help="How long it may take: 10s, 2m.")] = "10s",
    store: StoreOption = None,
) -> None:
    """Ask all timelines, the archived part too, in SQL; nothing can be changed, and no file or address be reached."""
    from pipeline.ask.engine import SqlLimits  # loads DuckDB and pyarrow
    from pipeline.ask.sql import Sql, cache_folder

    limits = SqlLimits(_bytes(memory), parse_duration(timeout), whole_process=True)
    with open_store(store) as opened:
        answer = Sql(opened, cache_folder(home(), store)).ask(query, limits)
    if format is Format.TABLE and output is not None:
        raise UsageError("a table is for the terminal; give --format json, csv or parquet for a file")
    if format is Format.TABLE:
        show(_table(answer))
    else:
        write(_encoded(answer, format), output)


def _bytes(text: str) -> int:
    try:
        return int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError:
        raise UsageError(f"--memory is {text!r}, which is no size; write 512MB or 2GiB") from None


def _encoded(answer: Any, format: Format) -> str | bytes:
    from pyarrow import ArrowException

    from pipeline.timeline import tables

    if format is Format.JSON:
        return dumps({"rows": [{name: _value(cell) for name, cell in row.items()} for row in answer.to_pylist()]})
    try:
        return tables.as_csv(answer) if format is Format.CSV else tables.as_parquet(answer)
    except ArrowException as error:
        raise UsageError(f"this answer cannot be written as {format.value} ({error}); take --format json") from error


def _value(cell: Any) -> Any:
    """A cell as JSON has it; what it has no kind for is text."""
    if isinstance(cell, list):
        return [_value(one) for one in cell]
    if isinstance(cell, dict):
        return {name: _value(one) for name, one in cell.items()}
    if isinstance(cell, float):
        return cell if cell - cell == 0 else None  # JSON has no infinities
    return cell if isinstance(cell, str | int | None) else str(cell)


def _table(answer: Any) -> RenderableType:
    view = Table(box=box.SIMPLE_HEAD)
    shown = answer.slice(0, _MORE_ROWS)
    for name, column in zip(answer.column_names, shown.columns, strict=True):
        numbers = all(isinstance(cell, int | float | Decimal | None) for cell in column.to_pylist())
        view.add_column(Text(name), justify="right" if numbers else "left")
    for row in zip(*(column.to_pylist() for column in shown.columns), strict=True):
        view.add_row(*(Text(_text(cell)) for cell in row))
    left = len(answer) - len(shown)
    more = [Text(f"and {counted(left, 'row')} more: all with --format csv, json or parquet", "dim")] if left else []
    return Group(view, *more)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{round(cell, 4):.15g}"
    return cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell)
