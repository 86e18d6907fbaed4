"""The command line: `longtake COMMAND`, also `python -m longtake`.

The module of a command is loaded when the command is asked for, so that asking takes no longer than the answer.
"""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from longtake.wording import plain

if TYPE_CHECKING:
    from pipeline.errors import LongtakeError

COMMANDS = {
    "run": "run:run",
    "serve": "serve:serve",
    "head": "join:head",
    "join": "join:join",
    "web": "web:web",
    "timeline": "query:timeline",
    "find": "find:find",
    "stats": "stats:stats",
    "sql": "sql:sql",
    "export": "export:export",
    "clip": "clip:clip",
    "alerts": "alerts:app",
    "streams": "streams:app",
    "backfill": "backfill:backfill",
    "archive": "archive:archive",
    "tokens": "tokens:app",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "replay": "replay:replay",
    "doctor": "doctor:doctor",
    "synth": "synth:synth",
    "models": "models:app",
    "train": "training:train",
    "evaluate": "training:evaluate",
    "compare": "training:compare",
    "demo": "demo:demo",
}
"""Module and name of each command within this package."""

_EXTRAS = {"torch": "model", "torchvision": "model", "safetensors": "model", "matplotlib": "train", "sklearn": "train"}
"""What brings a module that need not be there."""


class _Group(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: dict[str, Any] = dict.fromkeys(COMMANDS)
        self.commands = names  # who mistypes one is told those that are near

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def invoke(self, ctx: Any) -> Any:
        """Options are read by pydantic, whose words are not ours."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


@cache
def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(f"longtake.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        one = typer.Typer(add_completion=False)
        one.command(name)(found)
        command = typer.main.get_command(one)
    command.name = name
    return command


app = typer.Typer(
    cls=_Group,
    help="Action timelines from video streams.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from longtake import __version__

        typer.echo(f"longtake {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every error longtake raises on purpose is one sentence and an exit code."""
    from pipeline.errors import EngineError, LongtakeError

    try:
        app()
    except LongtakeError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        _tell(EngineError(f"this needs {error.name}: pip install 'longtake[{_EXTRAS[error.name]}]'"))
        sys.exit(EngineError.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our answer has gone; there is nobody to tell
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(error: "LongtakeError") -> None:
    from rich.markup import escape

    from longtake.output import messages

    messages.print(f"[bold red]longtake:[/] {escape(str(error))}", soft_wrap=True)
