"""`longtake clip`: the film of a segment."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.output import messages
from longtake.query import StoreOption
from longtake.stores import open_store
from longtake.terminal import clock
from longtake.times import parse_duration, start_of
from longtake.wording import counted
from pipeline.ask.segments import segment_of
from pipeline.control.wish import kind_of
from pipeline.errors import REDACTED, UsageError
from pipeline.export.film import Recording, cut
from pipeline.export.look import begins_s, info_of, is_live
from pipeline.timeline.reads import Span
from pipeline.timeline.records import StreamInfo


def clip(
    name: Annotated[str, typer.Argument(help="Name of the stream.")],
    segment_id: Annotated[str, typer.Argument(help="Its id, as timeline --format csv, find and export tell it.")],
    out: Annotated[Path, typer.Argument(help="Video to write: .mp4, .mkv or .mov.")],
    padding: Annotated[str, typer.Option(help="How much to show before and after it.")] = "2s",
    source: Annotated[str | None, typer.Option(help="The recording, if it is elsewhere by now.")] = None,
    start_time: Annotated[
        str | None, typer.Option(help="When that recording began: a date, clock, seconds, or file: as it says.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Cut a segment out of the recording that the stream was read from, at the very frames; without sound."""
    padding_s = parse_duration(padding)
    with open_store(store) as opened:
        info, segment = info_of(opened, name), segment_of(opened, name, segment_id)
        began_s = begins_s(opened, name)
    recording = _recording(info, began_s, segment.epoch, source, start_time)
    end_s = max(segment.start, info.until_s) if segment.end is None else segment.end
    with messages.status(f"cutting {segment.label} of {name}"):
        film = cut(recording, Span(segment.start - padding_s, end_s + padding_s), out)
    what = f"{segment.label} of {name} at {clock(segment.start)}"
    messages.print(
        f"{out}: {what}, {film.end_s - film.start_s:.1f} s in {counted(film.frames, 'frame')}",
        highlight=False,
        soft_wrap=True,
    )


def _recording(info: StreamInfo, began_s: float, epoch: int, source: str | None, start_time: str | None) -> Recording:
    """Where the film is; one whose time stamps jumped before the segment has to be read from its start."""
    if source is not None:
        if start_time is None and is_live(info):
            raise UsageError(f"{info.name} is live: say when {source} began with --start-time")
        start_s = began_s if start_time is None else start_of(start_time, source)
        return Recording(source, start_s, steady=is_live(info) or epoch == 0)
    if start_time is not None:
        raise UsageError("--start-time says when a recording began: give that one with --source FILE")
    if is_live(info):
        raise UsageError(
            f"{info.name} is live: there is no recording of it; give one with --source FILE --start-time TIME"
        )
    if REDACTED in info.source:
        raise UsageError(f"{info.source} is kept without its secrets; give the recording with --source")
    if kind_of(info.source) == "file" and not Path(info.source).exists():
        raise UsageError(f"{info.name} was read from {info.source}, which is not there; give it with --source FILE")
    return Recording(info.source, began_s, steady=epoch == 0)
