"""`longtake timeline`: ask what happened."""

from pathlib import Path
from typing import Annotated

import typer

from longtake import terminal
from longtake.home import home
from longtake.output import Format, console, show, write
from longtake.times import parse_time
from pipeline.timeline import document
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from pipeline.values import Timeline

StoreOption = Annotated[str | None, typer.Option("--store", help="URL of a Redis server (default: embedded).")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the answer.")]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="File to write to.")]
ARCHIVE_VARIABLE = "LONGTAKE_ARCHIVE"
ArchiveOption = Annotated[
    str | None, typer.Option("--archive", envvar=ARCHIVE_VARIABLE, help="Folder or URL of what was archived.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")]


def timeline(
    name: Annotated[str, typer.Argument(help="Name of the stream.")],
    since: Annotated[str | None, typer.Option(help="Only what overlaps [since, until): seconds, clock, date.")] = None,
    until: Annotated[str | None, typer.Option(help="End of that range.")] = None,
    label: Annotated[str | None, typer.Option(help="Only this label.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Only segments with at least this score, 0…1.")] = None,
    store: StoreOption = None,
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Print the timeline of a stream, finished or still growing."""
    bounds = [None if text is None else parse_time(text) for text in (since, until)]
    with TimelineStore.open(store, home(), StoreSettings(archive=archive)) as opened:
        answer = opened.timeline(name, bounds[0], bounds[1], label, min_score)
    present(answer, format, output)


def present(answer: Timeline, format: Format, output: Path | None) -> None:
    """Write a timeline in one of the formats."""
    if format is Format.TABLE and output is None:
        draw(answer)
    elif format is Format.TABLE:
        write(terminal.as_text(answer), output)
    else:
        write(encode(answer, format), output)


def draw(answer: Timeline) -> None:
    """Show a timeline to a person: as a table and as a picture."""
    show(terminal.table(answer))
    show(terminal.picture(answer, min(console.width, 120)))


def encode(answer: Timeline, format: Format) -> str | bytes:
    """The bytes of a timeline in a format for programs."""
    if format is Format.JSON:
        return document.to_json(answer)
    from pipeline.timeline import tables  # loads pyarrow

    return tables.to_csv(answer) if format is Format.CSV else tables.to_parquet(answer)
