"""`longtake timeline`: ask what happened."""

import io
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from longtake import terminal
from longtake.output import Format, console, show, write
from longtake.picture import picture
from longtake.terminal import EVERYTHING, Asked
from longtake.times import parse_bound
from pipeline.errors import UsageError
from pipeline.home import home
from pipeline.timeline import document
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from pipeline.values import Timeline

STORE_VARIABLE = "LONGTAKE_STORE"
StoreOption = Annotated[
    str | None, typer.Option("--store", envvar=STORE_VARIABLE, help="URL of a Redis server (default: embedded).")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the answer.")]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="File to write to.")]
ARCHIVE_VARIABLE = "LONGTAKE_ARCHIVE"
ArchiveOption = Annotated[
    str | None, typer.Option("--archive", envvar=ARCHIVE_VARIABLE, help="Folder or URL of what was archived.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")]
_WIDTH = 120


def timeline(
    name: Annotated[str, typer.Argument(help="Name of the stream.")],
    since: Annotated[
        str | None,
        typer.Option(help="Only what overlaps [since, until): 90 or 1:30; 17:40 or a date (UTC); 10m: before its end."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="End of that range, in the same words.")] = None,
    label: Annotated[str | None, typer.Option(help="Only this label.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Only segments with at least this score, 0…1.")] = None,
    store: StoreOption = None,
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Print the timeline of a stream, finished or still growing."""
    if min_score is not None and not 0 <= min_score <= 1:
        raise UsageError(f"--min-score must lie between 0 and 1, got {min_score:g}")
    with TimelineStore.open(store, home(), StoreSettings(archive=archive)) as opened:
        watched_s = {info.name: info.until_s for info in opened.streams()}.get(name, 0.0)
        asked = Asked(*_range(since, until, watched_s), label, min_score, watched_s)
        answer = opened.timeline(name, asked.since, asked.until, label, min_score)
    present(answer, format, output, asked)


def _range(since: str | None, until: str | None, watched_s: float) -> tuple[float | None, float | None]:
    start, end = (None if text is None else parse_bound(text, watched_s) for text in (since, until))
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--since must lie before --until, got {since} and {until}")
    return start, end


def present(answer: Timeline, format: Format, output: Path | None, asked: Asked = EVERYTHING) -> None:
    """Write a timeline in one of the formats."""
    if format is Format.TABLE and output is None:
        draw(answer, asked)
    elif format is Format.TABLE:
        sheet = Console(file=io.StringIO(), width=_WIDTH)
        sheet.print(_view(answer, _WIDTH, asked))
        assert isinstance(sheet.file, io.StringIO)
        write(sheet.file.getvalue(), output)
    else:
        write(encode(answer, format), output)


def draw(answer: Timeline, asked: Asked = EVERYTHING) -> None:
    """Show a timeline to a person: as a table and as a picture."""
    show(_view(answer, min(console.width, _WIDTH), asked))


def _view(answer: Timeline, width: int, asked: Asked) -> RenderableType:
    if not answer.segments and not answer.gaps:
        return Text(terminal.nothing(answer, asked))
    return Group(terminal.table(answer, asked), picture(answer, width, asked))


def encode(answer: Timeline, format: Format) -> str | bytes:
    """The bytes of a timeline in a format for programs."""
    if format is Format.JSON:
        return document.to_json(answer)
    from pipeline.timeline import tables  # loads pyarrow

    return tables.to_csv(answer) if format is Format.CSV else tables.to_parquet(answer)
