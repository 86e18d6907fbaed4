"""Writing an answer in the format that was asked for, to the terminal or to a file."""

import os
import sys
from enum import StrEnum
from pathlib import Path

from rich.console import Console, RenderableType

from pipeline.errors import LongtakeError, UsageError

_ENDLESS = 10_000


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def _console(stderr: bool) -> Console:
    """Where nobody sees it on a screen nothing is wrapped or cut."""
    made = Console(stderr=stderr)
    if not made.is_terminal:
        made.width = _ENDLESS
    return made


console = _console(stderr=False)
"""Answers go here."""

messages = _console(stderr=True)
"""Progress and errors go here, so that answers can be piped."""


def show(view: RenderableType) -> None:
    """Print a table or picture."""
    console.print(view)


def write(content: str | bytes, output: Path | None) -> None:
    """Write an answer to `output`, or to standard output; binary ones never to a terminal.

    Raises:
        UsageError: a binary answer would go to a terminal.
        LongtakeError: the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    if output is None:
        if isinstance(content, bytes) and sys.stdout.isatty():
            raise UsageError("this format is binary; give a file with -o FILE")
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise LongtakeError(f"{output} cannot be written: {error.strerror}") from None
