"""Alerts: promtool's tests pass and cover all of them, each has its section in the runbook, and a real one fires."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import typer
import yaml

from longtake.cli import app
from tests.conftest import REPOSITORY, skip_or_fail
from tests.deploy.documented import documented
from tests.deploy.monitored import COMMITTED, Monitored

RUNBOOK = REPOSITORY / "docs" / "runbook.md"
PARTS = ("**Users see**", "**First look**", "**Causes**", "**Do**")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((COMMITTED / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
EACH = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    tool = shutil.which("promtool")
    if tool is None:
        skip_or_fail("promtool is not installed (Debian, Ubuntu: apt install prometheus)")
    return subprocess.run([str(tool), *words], cwd=COMMITTED, capture_output=True, text=True, timeout=300)


def sections() -> dict[str, str]:
    """Text of the runbook's sections by their anchors."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    anchors = (heading.lower().replace(" ", "-") for heading in parts[1::2])
    return dict(zip(anchors, parts[2::2], strict=True))


@pytest.mark.parametrize("words", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")])
def test_promtool_accepts(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr


@EACH
def test_an_alert_is_tested_where_it_fires_and_where_it_does_not(rule: dict[str, Any]) -> None:
    tests = yaml.safe_load((COMMITTED / "alerts_test.yml").read_text())["tests"]
    expected = [
        case["exp_alerts"] for test in tests for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]
    ]
    assert any(expected) and [] in expected


@EACH
def test_an_alert_leads_to_a_section_of_the_runbook_that_says_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert REPOSITORY / page == RUNBOOK
    section = sections()[anchor]
    assert f"`{rule['alert']}`" in section
    assert all(part in section for part in PARTS), anchor


def test_every_section_of_the_runbook_belongs_to_an_alert() -> None:
    assert set(sections()) == {rule["annotations"]["runbook_url"].partition("#")[2] for rule in RULES}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`longtake ([^`]+)`", RUNBOOK.read_text()))))
def test_a_command_of_the_runbook_is_one_that_longtake_understands(command: str) -> None:
    found: Any = typer.main.get_command(app)
    words = command.split()
    while words and hasattr(found, "get_command"):
        found = found.get_command(typer.Context(found), words.pop(0))
    assert found is not None, command
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


@EACH
def test_an_alert_asks_for_series_that_are_documented(rule: dict[str, Any]) -> None:
    asked = set(re.findall(r"longtake_\w+", rule["expr"]))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} <= set(documented())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_camera_that_is_unplugged_fires_its_alert_and_plugged_in_clears_it(watch: Monitored) -> None:
    firing = 'ALERTS{alertname="LongtakeCameraDown", alertstate="firing"}'
    watch.prometheus.wait("longtake_stream_up", lambda found: found.get(("door",)) == 1)
    watch.prometheus.wait(firing, lambda found: not found)
    watch.unplug()
    watch.prometheus.wait(firing, lambda found: list(found) == [("LongtakeCameraDown", "firing", "warning", "door")])
    watch.plug_in()
    watch.prometheus.wait(firing, lambda found: not found)
    (alert,) = [one for one in RULES if one["alert"] == "LongtakeCameraDown"]
    assert alert["for"] == "1m", "the test is in a hurry, the rule is not"
