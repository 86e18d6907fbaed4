"""`longtake run`: watch sources and write their timelines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from actors.exporter import LOOPBACK, served
from actors.metrics import PrometheusHooks
from actors.tracing import tracing
from longtake import query
from longtake.config import Config, load
from longtake.output import Format, messages, write
from longtake.progress import ProgressBars
from longtake.query import ConfigOption, FormatOption, OutputOption, StoreOption
from longtake.stores import open_store
from longtake.times import start_of
from pipeline.errors import SourceError, UsageError
from pipeline.flow import Job, Report
from pipeline.home import home
from pipeline.hooks import Fanout
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.source import check_name, expand, stream_name
from pipeline.timeline import document
from pipeline.timeline.store import TimelineStore
from pipeline.values import Timeline


class Engine(StrEnum):
    """Where the work is done."""

    INLINE = "inline"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run, once the command line has been read."""

    model: Path
    engine: Engine
    store: str | None
    config: Config
    metrics_port: int = 0
    metrics_host: str = LOOPBACK
    store_wait_s: float = 0.0


def run(
    source: Annotated[list[str], typer.Argument(help="Files, directories, globs, rtsp://, http(s)://, synthetic://.")],
    name: Annotated[str | None, typer.Option(help="Name of the stream (default: from the source).")] = None,
    model: Annotated[str, typer.Option(help="A registered model or a model directory.")] = DEFAULT_MODEL,
    engine: Annotated[Engine, typer.Option(help="This process, or Ray actors.")] = Engine.INLINE,
    store: StoreOption = None,
    start_time: Annotated[str, typer.Option(help="When it began: a date, clock, seconds, or file: as it says.")] = "0",
    format: FormatOption = Format.TABLE,
    output: OutputOption = None,
    fresh: Annotated[bool, typer.Option("--fresh/--resume", help="Begin anew, or go on where a run stopped.")] = False,
    config: ConfigOption = None,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="Serve Prometheus metrics here; 0 is off.")] = 0,
    metrics_host: Annotated[str, typer.Option(help="Address to serve them on.")] = LOOPBACK,
    store_wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a store that is still starting.")] = 0,
) -> None:
    """Watch sources to their end and print their timelines; run again to go on after a stop."""
    options = Options(resolve(model), engine, store, load(config), metrics_port, metrics_host, store_wait)
    load_card(options.model)
    jobs = jobs_of(source, name, start_time)
    if format in (Format.CSV, Format.PARQUET) and len(jobs) > 1:
        raise UsageError(f"{format} holds one timeline, these are {len(jobs)}; use --format json or ask one by one")
    outcomes = execute(jobs, options, fresh)
    tell(outcomes)
    _present(outcomes, format, output)
    raise typer.Exit(max(report.exit_code or int(report.state == "paused") for report, _ in outcomes))


Outcome = tuple[Report, Timeline | None]


def execute(jobs: Sequence[Job], options: Options, fresh: bool) -> list[Outcome]:
    """Run the jobs with progress bars; return each report and, where something was watched, its timeline.

    Raises:
        UsageError: an older part of a timeline is in an archive that is neither given nor known.
        ArchiveError: it is in one that cannot be reached.
    """
    with open_store(options.store, options.store_wait_s) as store:
        for stream in {job.stream for job in jobs} & {info.name for info in store.streams()}:
            if fresh:
                store.remove(stream)
            else:
                store.require_archive(stream)  # the answer shows it too; after hours of work would be late to find out
        with ProgressBars() as bars:
            reports = _reports(jobs, options, store, bars)
        return [(report, _timeline(store, report)) for report in reports]


def _reports(jobs: Sequence[Job], options: Options, store: TimelineStore, bars: ProgressBars) -> list[Report]:
    flow, ray_settings = options.config.flow, options.config.ray
    if options.metrics_port and options.engine is Engine.RAY and ray_settings.address is not None:
        raise UsageError("every node of a cluster serves its own metrics; leave out --metrics-port or ray.address")
    with served(options.metrics_port, options.metrics_host, options.engine is Engine.RAY, data=home()):
        if options.engine is Engine.INLINE:
            from pipeline.inline import InlineEngine  # loads torch, which only this engine needs here

            bars.say("loading the model")
            hooks = Fanout(PrometheusHooks(), tracing("inline", load_card(options.model).fingerprint))
            with InlineEngine(options.model, store, flow, hooks) as inline:
                return inline.run(jobs, bars.update)
        from actors.engine import RayEngine

        bars.say("starting Ray and the model workers")
        with RayEngine(options.model, options.store, home(), flow, ray_settings) as ray:
            return ray.run(jobs, bars.update)


def _timeline(store: TimelineStore, report: Report) -> Timeline | None:
    """What was watched; nothing where the job was refused: what is stored under its name may be another video's."""
    if report.exit_code == UsageError.exit_code:
        return None
    if report.error and report.stream not in {info.name for info in store.streams()}:
        return None
    return store.timeline(report.stream)


def jobs_of(sources: Sequence[str], name: str | None, start_time: str) -> list[Job]:
    """One job for every video the sources stand for.

    Raises:
        UsageError: a name or a time that is not allowed, or one name for several videos.
        SourceNotFound: a source stands for nothing.
    """
    uris = [uri for source in sources for uri in expand(source)]
    if name is not None and len(uris) > 1:
        raise UsageError(f"--name names one stream, these are {len(uris)} sources")
    names = [check_name(name)] if name is not None else _distinct([stream_name(uri) for uri in uris])
    return [Job(stream, uri, _start_s(start_time, uri)) for stream, uri in zip(names, uris, strict=True)]


def _start_s(start_time: str, uri: str) -> float:
    """What cannot be opened has no start; its run will say why."""
    try:
        return start_of(start_time, uri)
    except SourceError:
        return 0.0


def _distinct(names: list[str]) -> list[str]:
    """Number the names that occur more than once: a.mp4 and a.mkv become a and a-2."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return distinct


def tell(outcomes: Sequence[Outcome]) -> None:
    """Say what went wrong, on standard error."""
    for report, _ in outcomes:
        if report.error:
            messages.print(f"[bold red]{report.stream}[/]: {escape(report.error)}", soft_wrap=True)
        elif report.state == "paused":
            messages.print(f"{report.stream}: stopped before its end; the same command goes on from there")
        for error in report.errors:
            messages.print(f"[yellow]{report.stream}[/]: {escape(error)}", soft_wrap=True)


def _present(outcomes: Sequence[Outcome], format: Format, output: Path | None) -> None:
    if format is Format.JSON:
        documents = [_document(report, timeline) for report, timeline in outcomes]
        write(document.dumps(documents[0] if len(documents) == 1 else {"streams": documents}), output)
        return
    for report, timeline in outcomes:
        if timeline is not None and not (report.error and not timeline.duration):
            query.present(timeline, format, output)


def _document(report: Report, timeline: Timeline | None) -> dict[str, Any]:
    """The timeline with what the run did; a stream of which nothing could be watched has an empty one."""
    answer = timeline or Timeline(report.stream, "", 0.0, (), ())
    counts = {key: value for key, value in asdict(report).items() if key.startswith("frames_") or key == "clips"}
    errors = [*([report.error] if report.error else []), *report.errors]
    return document.as_document(answer) | counts | {"errors": errors}
