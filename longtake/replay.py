"""`longtake replay`: make the timeline of a logged stream again."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from longtake import query
from longtake.output import Format, messages
from longtake.query import FormatOption, OutputOption
from pipeline.models.card import DEFAULT_MODEL, resolve
from pipeline.timeline.store import TimelineStore


def replay(
    log: Annotated[Path, typer.Argument(help="The folder of one stream's lane log.")],
    model: Annotated[str, typer.Option(help="The model it was watched with.")] = DEFAULT_MODEL,
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Answer again for everything a stream's lanes were given, in a store of its own, and print the timeline.

    The exit code is 1 where a session began with another state than the ones before it leave.
    """
    from pipeline.flow import Serving
    from pipeline.hooks import Hooks
    from pipeline.inline import InlinePool
    from pipeline.models.worker import ModelWorker
    from pipeline.replay.player import replay as play

    worker = ModelWorker(resolve(model))
    pool = InlinePool(worker, 1, Hooks())
    try:
        with TemporaryDirectory(prefix="longtake-replay-") as folder, TimelineStore.open(None, Path(folder)) as store:
            replayed = play(log, Serving(worker.card, pool, worker.numerics.digest()), store)
            answer = store.timeline(replayed.stream)
    finally:
        pool.close()
    query.present(answer, format, output)
    for difference in replayed.differences:
        messages.print(f"[bold red]{replayed.stream}[/]: {difference}", soft_wrap=True)
    messages.print(f"{replayed.clips} clips of {replayed.sessions} sessions answered again")
    raise typer.Exit(int(bool(replayed.differences)))
