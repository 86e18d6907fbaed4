"""`longtake alerts`: who is told of what, whether it arrives, and telling again."""

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from longtake.config import load
from longtake.output import console, messages
from longtake.query import StoreOption
from longtake.sheets import Form, FormOption, present
from longtake.stores import open_store
from longtake.wording import counted
from pipeline.alerts.errors import TargetError
from pipeline.alerts.letters import alert_letter
from pipeline.alerts.outbox import AlertOutbox, Counts, Entry
from pipeline.alerts.rules import Alert
from pipeline.alerts.settings import AlertSettings, RuleSettings
from pipeline.alerts.target import make_target, place_of
from pipeline.ask.labels import check_labels, labels_of
from pipeline.clock import SystemClock
from pipeline.errors import UsageError
from pipeline.timeline.document import rounded_s
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment

app = typer.Typer(help="List and test alerts, and tell again what did not arrive.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", help="YAML file with the section `alerts`.")]
_DEAD_SHOWN = 20


@app.command("ls")
def ls(config: ConfigFile, format: FormOption = Form.TABLE, store: StoreOption = None) -> None:
    """List rules and targets, what waits for these, and what could not be delivered."""
    settings = _settings(config)
    with open_store(store) as opened:
        outbox = _outbox(opened, settings)
        counts = {name: outbox.counts(name) for name in settings.targets}
        dead = {name: outbox.dead(name, _DEAD_SHOWN) for name in settings.targets}
        _warn_of_unknown(opened, settings)
    if format is Form.JSON:
        present("", _document(settings, counts, dead), format)
        return
    console.print(_rules(settings), _targets(settings, counts))
    if any(dead.values()):
        console.print(_dead(dead), "[dim]to tell again: longtake alerts retry[/]")


@app.command("test")
def test(
    config: ConfigFile,
    name: Annotated[str | None, typer.Argument(help="A rule or a target (default: every target).")] = None,
) -> None:
    """Tell targets of an alert that is but a test, at once; exit code 1 where one did not take it."""
    settings = _settings(config)
    failed = False
    for target in _chosen(settings, name):
        began_s = time.monotonic()
        error = _told(settings, target, name)
        answer = error or f"took it in {1000 * (time.monotonic() - began_s):.0f} ms"
        console.print(f"{target}  {answer}", style="red" if error else None, markup=False, soft_wrap=True)
        failed = failed or bool(error)
    raise typer.Exit(failed)


@app.command("retry")
def retry(
    config: ConfigFile,
    target: Annotated[str | None, typer.Argument(help="Whom to tell (default: every target).")] = None,
    store: StoreOption = None,
) -> None:
    """Tell again what could not be delivered; `longtake serve` does it."""
    settings = _settings(config)
    if target is not None and target not in settings.targets:
        raise UsageError(f"there is no target {target!r}; targets: {', '.join(settings.targets)}")
    with open_store(store) as opened:
        outbox = _outbox(opened, settings)
        for name in [target] if target else settings.targets:
            messages.print(f"{name}  {counted(outbox.revive(name), 'alert')} to tell again", highlight=False)


def _warn_of_unknown(store: TimelineStore, settings: AlertSettings) -> None:
    """A label nobody knows may come with another model, or be a slip of the pen."""
    known = labels_of(store, store.names())
    for name, rule in settings.rules.items() if known else ():
        try:
            check_labels(rule.labels, known)
        except UsageError as error:
            messages.print(f"rule {name}: {error}", style="yellow", markup=False, soft_wrap=True)


def _settings(config: Path) -> AlertSettings:
    settings = load(config, os.environ).alerts
    if not settings.targets:
        raise UsageError(f"{config} names no target of alerts; write some in its section alerts (docs/alerts.md)")
    return settings


def _outbox(store: TimelineStore, settings: AlertSettings) -> AlertOutbox:
    return AlertOutbox(store, settings.waiting, settings.dead)


def _chosen(settings: AlertSettings, name: str | None) -> tuple[str, ...]:
    """The targets of a rule, the target of that name, or all."""
    if name is None:
        return settings.targets
    if name in settings.rules:
        return tuple(dict.fromkeys(settings.rules[name].targets))
    if name in settings.targets:
        return (name,)
    rules, targets = ", ".join(settings.rules) or "none yet", ", ".join(settings.targets)
    raise UsageError(f"there is no rule and no target {name!r}; rules: {rules}; targets: {targets}")


def _told(settings: AlertSettings, target: str, name: str | None) -> str:
    """Tell a target, and return what was wrong; empty where nothing was."""
    clock = SystemClock()
    to = make_target(target, settings, os.environ, clock)
    try:
        to.send(alert_letter(_example(settings, target, name, clock.wall_s()), target))
    except TargetError as error:
        return str(error)
    finally:
        to.close()
    return ""


def _example(settings: AlertSettings, target: str, name: str | None, now_s: float) -> Alert:
    """An alert of the rule that was named, else of the first that tells the target, about a segment of ten seconds."""
    telling = (rule for rule, one in sorted(settings.rules.items()) if target in one.targets)
    rule = name if name in settings.rules else next(telling, "test")
    label = settings.rules[rule].labels[0] if rule in settings.rules else "test"
    segment = Segment(f"test-{now_s:.3f}", "test", 0, label, now_s - 10, now_s, 1.0, 1.0, "test")
    return Alert(rule, "test", segment, now_s)


def _rules(settings: AlertSettings) -> Table:
    table = Table("rule", "labels", "streams", "when", "targets", box=None)
    for name, rule in settings.rules.items():
        labels, streams, targets = (escape(", ".join(one)) for one in (rule.labels, rule.streams, rule.targets))
        table.add_row(name, labels, streams, _when(rule), targets)
    return table


def _when(rule: RuleSettings) -> str:
    schedule = rule.schedule
    parts = [
        rule.when,
        f"≥ {rule.min_length_s:g} s" if rule.min_length_s else "",
        f"score ≥ {rule.min_score:g}" if rule.min_score else "",
        f"{' '.join(schedule.days)} {schedule.after}-{schedule.before} {schedule.zone}" if _limited(rule) else "",
        f"every {rule.cool_down_s:g} s at most" if rule.cool_down_s else "",
    ]
    return ", ".join(part for part in parts if part)


def _limited(rule: RuleSettings) -> bool:
    return rule.schedule != type(rule.schedule)()


def _targets(settings: AlertSettings, counts: dict[str, Counts]) -> Table:
    table = Table("target", "where", "waiting", "dead", "delivered", "dropped", box=None)
    for name, one in counts.items():
        numbers = (str(number) for number in (one.waiting, one.dead, one.delivered, one.dropped))
        table.add_row(name, escape(place_of(name, settings)), *numbers)
    return table


def _dead(dead: dict[str, list[Entry]]) -> Table:
    table = Table("given up", "stream", "label", "rule", "why", box=None)
    for name, entries in dead.items():
        for one in entries:
            rule = json.loads(one.letter.body)["rule"] if one.letter.kind == "alert" else ""
            table.add_row(*map(escape, (name, one.letter.stream, one.letter.label, rule, one.reason)))
    return table


def _document(settings: AlertSettings, counts: dict[str, Counts], dead: dict[str, list[Entry]]) -> dict[str, Any]:
    return {
        "rules": {name: rule.model_dump(mode="json") for name, rule in settings.rules.items()},
        "targets": {
            name: {
                "where": place_of(name, settings),
                "waiting": one.waiting,
                "dead": one.dead,
                "delivered": one.delivered,
                "died": one.died,
                "dropped": one.dropped,
                "last_dead": [_entry(entry) for entry in dead[name]],
            }
            for name, one in counts.items()
        },
    }


def _entry(entry: Entry) -> dict[str, Any]:
    letter = entry.letter
    told = {"id": letter.id, "stream": letter.stream, "label": letter.label}
    return {**told, "since": rounded_s(entry.since_s), "reason": entry.reason}
