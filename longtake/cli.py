"""The command line: `longtake COMMAND`, also `python -m longtake`."""

import sys

import typer

from longtake import __version__, archive, backfill, demo, doctor, models, query, replay, run, serve, streams, synth
from longtake.output import messages
from pipeline.errors import LongtakeError, redact

app = typer.Typer(
    help="Action timelines from video streams.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.command("timeline")(query.timeline)
app.add_typer(streams.app, name="streams")
app.command("backfill")(backfill.backfill)
app.command("archive")(archive.archive)
app.command("replay")(replay.replay)
app.command("doctor")(doctor.doctor)
app.command("synth")(synth.synth)
app.add_typer(models.app, name="models")
app.command("train")(models.train)
app.command("evaluate")(models.evaluate)
app.command("demo")(demo.demo)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(f"longtake {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every error longtake raises on purpose is one sentence and an exit code."""
    try:
        app()
    except LongtakeError as error:
        messages.print(f"[bold red]longtake:[/] {_escaped(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our answer has gone; there is nobody to tell
        sys.exit(1)


def _escaped(text: str) -> str:
    return redact(text).replace("[", r"\[")
