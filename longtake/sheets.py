"""What is shown as a table or told as JSON: lists and figures, everything but a timeline."""

import io
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from longtake.output import console, show, write
from pipeline.timeline.document import dumps


class Form(StrEnum):
    """How a list or a figure is written."""

    TABLE = "table"
    JSON = "json"


FormOption = Annotated[Form, typer.Option("--format", help="How to write the answer.")]

_FILE_WIDTH = 500


def present(view: RenderableType, document: dict[str, Any], form: Form, output: Path | None = None) -> None:
    """Write the table or the document to `output`, or to standard output."""
    if form is Form.JSON:
        write(dumps(document), output)
    elif output is None:
        show(view)
    else:
        write(_text(view), output)


def narrow() -> bool:
    """A table for many columns would be folded here."""
    return console.width < 100


def _text(view: RenderableType) -> str:
    page = Console(file=io.StringIO(), width=_FILE_WIDTH, no_color=True)
    page.print(view)
    file: Any = page.file
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
