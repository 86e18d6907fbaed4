"""`longtake export`: timelines for other programs, players and annotators."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from longtake.asking import AfterOption, BeforeOption, check_score, chosen
from longtake.output import messages, write
from longtake.query import ArchiveOption, OutputOption, StoreOption
from longtake.wording import counted
from pipeline.ask.labels import check_labels, labels_of
from pipeline.errors import UsageError
from pipeline.export.elan import to_eaf
from pipeline.export.look import Look, look
from pipeline.export.webvtt import to_webvtt
from pipeline.home import home
from pipeline.timeline.document import as_document, dumps, to_json
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore


class ExportFormat(StrEnum):
    """What an export can be."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    JSON = "json"
    WEBVTT = "webvtt"
    ELAN = "elan"


_SUFFIXES = {ExportFormat.WEBVTT: "vtt", ExportFormat.ELAN: "eaf"}
_OF_ONE_STREAM: dict[ExportFormat, Callable[[Look], str | bytes]] = {
    ExportFormat.WEBVTT: to_webvtt,
    ExportFormat.ELAN: to_eaf,
}


def export(
    names: Annotated[list[str], typer.Argument(help="Streams, or patterns such as 'dock-*'.")],
    format: Annotated[ExportFormat, typer.Option("--format", help="What to write.")],
    output: OutputOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    label: Annotated[list[str] | None, typer.Option(help="Only segments of this label; again for more.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Only segments with at least this score, 0…1.")] = None,
    store: StoreOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Write timelines to a file, or one file for each stream into a folder that is there; each as of one moment."""
    check_score(min_score)
    with TimelineStore.open(store, home(), StoreSettings(archive=archive)) as opened:
        asked = chosen(opened, names, after, before)
        check_labels(label or (), labels_of(opened, asked.streams))
        looks = (look(opened, info, asked.span, label or None, min_score) for info in asked.infos)
        if output is not None and output.is_dir():
            for one in looks:
                write(_encoded(iter([one]), format, 1), output / _file_name(one.timeline.stream, format))
        else:
            write(_encoded(looks, format, len(asked.streams)), output)
    if output is not None:
        messages.print(f"exported {counted(len(asked.streams), 'stream')} to {output}", highlight=False, soft_wrap=True)


def _file_name(stream: str, format: ExportFormat) -> str:
    return f"{quote(stream, safe='')}.{_SUFFIXES.get(format, format)}"


def _encoded(looks: Iterator[Look], format: ExportFormat, streams: int) -> str | bytes:
    if encode := _OF_ONE_STREAM.get(format):
        if streams > 1:
            raise UsageError(f"a file of {format} holds one stream, got {streams}; give a folder that is there with -o")
        return encode(next(looks))
    if format is ExportFormat.JSON:
        timelines = [one.timeline for one in looks]
        return to_json(timelines[0]) if streams == 1 else dumps({"timelines": [*map(as_document, timelines)]})
    from pipeline.export import tables  # loads pyarrow

    if format is ExportFormat.PARQUET:
        return tables.encode(looks, "parquet")
    encoded = tables.encode(looks, "arrow" if format is ExportFormat.ARROW else "csv")
    return encoded if format is ExportFormat.ARROW else encoded.decode()
