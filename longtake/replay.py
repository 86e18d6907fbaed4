"""`longtake replay`: make the timeline of a logged stream again."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from longtake import query
from longtake.output import Format, messages
from longtake.query import FormatOption, OutputOption
from longtake.wording import counted
from pipeline.errors import UsageError
from pipeline.models.card import list_models, load_card, resolve
from pipeline.timeline.store import TimelineStore

if TYPE_CHECKING:
    from pipeline.flow import Serving


def replay(
    log: Annotated[Path, typer.Argument(help="The folder of one stream's lane log.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A directory of a model it was watched with, once for each; registered models are known."),
    ] = None,
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Answer again for everything a stream's lanes were given, in a store of its own, and print the timeline.

    The exit code is 1 where a session began with another state than the ones before it leave.
    """
    from pipeline.replay.player import replay as play

    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="longtake-replay-"))
        store = stack.enter_context(TimelineStore.open(None, Path(folder)))
        replayed = play(log, _Models([*(model or []), *list_models()], stack).serving, store)
        answer = store.timeline(replayed.stream)
    query.present(answer, format, output)
    for difference in replayed.differences:
        messages.print(f"[bold red]{replayed.stream}[/]: {difference}", soft_wrap=True)
    messages.print(f"{counted(replayed.clips, 'clip')} of {counted(replayed.sessions, 'session')} answered again")
    raise typer.Exit(int(bool(replayed.differences)))


class _Models:
    """Models by fingerprint, each loaded when it is first asked for."""

    def __init__(self, names: Sequence[str], stack: ExitStack) -> None:
        self._directories = {load_card(directory).fingerprint: directory for directory in map(resolve, names)}
        self._stack = stack
        self._servings: dict[str, Serving] = {}

    def serving(self, fingerprint: str) -> "Serving":
        """Return the model.

        Raises:
            UsageError: it is none of the known ones.
        """
        if fingerprint not in self._directories:
            raise UsageError(f"the log was made with model {fingerprint}; give its directory with --model")
        if fingerprint not in self._servings:
            self._servings[fingerprint] = self._loaded(self._directories[fingerprint])
        return self._servings[fingerprint]

    def _loaded(self, directory: Path) -> "Serving":
        from pipeline.flow import Serving
        from pipeline.hooks import Hooks
        from pipeline.inline import InlinePool
        from pipeline.models.worker import ModelWorker

        worker = ModelWorker(directory)
        pool = InlinePool(worker, 1, Hooks())
        self._stack.callback(pool.close)
        return Serving(worker.card, pool, worker.numerics.digest())
