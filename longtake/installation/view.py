"""What a person reads of a diagnosis: one line for each check, and below it what to do."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from longtake.installation.checks import Diagnosis
from longtake.installation.finding import Finding, State
from longtake.wording import counted

_MARKS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.BROKEN: ("✗", "bold red")}


def view(diagnosis: Diagnosis) -> RenderableType:
    """Return the table, and the sentence it comes down to."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in diagnosis.findings:
        table.add_row(Text(*_MARKS[finding.state]), finding.name, _told(finding))
    return Group(table, Text(_verdict(diagnosis), _MARKS[diagnosis.state][1]))


def _told(finding: Finding) -> Text:
    text = Text(finding.found)
    if finding.advice:
        text.append(f"\n→ {finding.advice}", _MARKS[finding.state][1])
    return text


def _verdict(diagnosis: Diagnosis) -> str:
    broken = [finding.name for finding in diagnosis.findings if finding.state is State.BROKEN]
    doubtful = sum(finding.state is State.WARNING for finding in diagnosis.findings)
    worth = f"{counted(doubtful, 'thing')} to look at" if doubtful else ""
    if broken:
        return f"broken: {', '.join(broken)}" + (f"; and {worth}" if worth else "")
    return f"it works; {worth}" if worth else "all is well"
