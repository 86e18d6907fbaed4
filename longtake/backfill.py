"""`longtake backfill`: fill the gaps of a stream from a recording."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longtake import query
from longtake.output import Format, messages
from longtake.query import ArchiveOption, FormatOption, OutputOption, StoreOption
from longtake.terminal import clock
from longtake.times import start_of
from longtake.wording import counted
from pipeline.errors import UsageError
from pipeline.home import home
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.source import expand
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore

if TYPE_CHECKING:
    from pipeline.backfill import Backfilled


def backfill(
    name: Annotated[str, typer.Argument(help="Name of the stream.")],
    file: Annotated[str, typer.Argument(help="The recording.")],
    start_time: Annotated[str, typer.Option(help="When it began: a date, clock, seconds, or file: as it says.")],
    store: StoreOption = None,
    model: Annotated[str, typer.Option(help="A registered model or a model directory.")] = DEFAULT_MODEL,
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Fill the gaps of a stream from a recording and print the stream's timeline; what was seen live stays."""
    uris, directory = expand(file), resolve(model)
    load_card(directory)
    if len(uris) != 1:
        raise UsageError(f"gaps are filled from one recording at a time, {file!r} stands for {len(uris)}")
    start_s = start_of(start_time, uris[0])
    with TimelineStore.open(store, home(), StoreSettings(archive=archive)) as opened:
        opened.require_archive(name)  # the answer shows it too
        _fill(opened, name, uris[0], start_s, directory)
        answer = opened.timeline(name)
    query.present(answer, format, output)


def _fill(store: TimelineStore, name: str, uri: str, start_s: float, directory: Path) -> None:
    from pipeline.timeline.moves import final_gaps  # loads pyarrow

    there = final_gaps(store, name)
    if all(gap.filled for gap in there.gaps):
        until_s = there.archived_until_s
        older = "" if until_s is None else f"; what begins before {clock(until_s)} is archived and stays as it is"
        messages.print(f"{name} has no gaps to fill{older}", highlight=False, soft_wrap=True)
        return
    with messages.status(f"filling the gaps of {name}"):
        done = _filled(store, name, uri, start_s, directory)
    if not done.filled_gaps and not done.unsettled:
        messages.print(f"{name}: all gaps that this recording covers are filled already", highlight=False)
        return
    left = f"; {done.unsettled} not settled yet, do it again later" if done.unsettled else ""
    of, added = counted(done.filled_gaps, "gap"), counted(done.segments, "segment")
    messages.print(
        f"{name}: filled {done.filled_s:.1f} s of {of}, {added} added{left}",
        highlight=False,
        soft_wrap=True,
    )


def _filled(store: TimelineStore, name: str, uri: str, start_s: float, directory: Path) -> "Backfilled":
    from pipeline.backfill import Recording
    from pipeline.backfill import backfill as fill
    from pipeline.flow import FlowSettings, Serving
    from pipeline.hooks import Hooks
    from pipeline.inline import InlinePool  # loads torch
    from pipeline.models.worker import ModelWorker

    worker = ModelWorker(directory)
    pool = InlinePool(worker, os.cpu_count() or 1, Hooks())
    try:
        serving = Serving(worker.card, pool, worker.numerics.digest())
        return fill(Recording(name, uri, start_s), serving, store, FlowSettings())
    finally:
        pool.close()
