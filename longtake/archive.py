"""`longtake archive`: move the older part of all timelines out of the store."""

from typing import Annotated

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from longtake.output import messages, show
from longtake.query import ARCHIVE_VARIABLE, StoreOption
from longtake.terminal import clock
from longtake.times import parse_duration
from pipeline.errors import UsageError
from pipeline.home import home
from pipeline.timeline.records import Moved, StoreSettings
from pipeline.timeline.store import TimelineStore


def archive(
    older_than: Annotated[str, typer.Option(help="How old what is moved must be: 7d, 12h, 30m.")] = "7d",
    to: Annotated[
        str | None, typer.Option(envvar=ARCHIVE_VARIABLE, help="Folder or URL (s3://…, gs://…) of the archive.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Move closed segments and final gaps that are old enough into the archive; queries go on showing them."""
    older_than_s = parse_duration(older_than)
    if to is None:
        raise UsageError(f"where to? give --to FOLDER or URL, or set {ARCHIVE_VARIABLE}")
    from pipeline.archive.archive import Archive  # loads pyarrow
    from pipeline.timeline.moves import move

    target = Archive(to)
    with TimelineStore.open(store, home(), StoreSettings(archive=to)) as opened:
        moved = move(opened, target, older_than_s)
    present(moved, target.url)
    raise typer.Exit(int(any(one.error for one in moved.streams)))


def present(moved: Moved, url: str) -> None:
    """Show what was moved, one line for each stream; complaints go to standard error."""
    if any(one.files for one in moved.streams):
        view = Table(box=box.SIMPLE_HEAD, show_footer=True)
        view.add_column("stream", "all")
        for name, total in (("segments", moved.segments), ("gaps", moved.gaps), ("files", moved.files)):
            view.add_column(name, str(total), justify="right")
        view.add_column("before")
        for one in moved.streams:
            until = "" if one.until_s is None else clock(one.until_s)
            view.add_row(one.stream, str(one.segments), str(one.gaps), str(one.files), until)
        show(Group(Text(f"moved to {url}"), view))
    elif not moved.streams:
        messages.print("nothing is old enough to be moved")
    for one in moved.streams:
        if one.error:
            messages.print(f"{one.stream}: {one.error}", style="red", markup=False, soft_wrap=True)
