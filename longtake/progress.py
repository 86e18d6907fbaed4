"""Progress bars while streams run; silent where nobody watches."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from longtake.output import messages
from longtake.terminal import clock
from longtake.wording import counted
from pipeline import tally


class ProgressBars:
    """One bar per stream on standard error, made as streams appear."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, what: str) -> None:
        """Show what is going on before the first stream reports."""
        self._said = self._bars.add_task(what, total=None, state="")

    def update(self, progress: list[tally.Progress]) -> None:
        """Show how far the streams are."""
        if progress and self._said is not None:
            self._bars.remove_task(self._said)
            self._said = None
        for stream in progress:
            if stream.stream not in self._tasks:
                self._tasks[stream.stream] = self._bars.add_task(stream.stream, total=stream.duration_s, state="")
            self._bars.update(
                self._tasks[stream.stream],
                completed=min(stream.decoded_s, stream.duration_s or stream.decoded_s),
                state=f"{clock(stream.decoded_s)} · {counted(stream.clips, 'clip')}",
            )
