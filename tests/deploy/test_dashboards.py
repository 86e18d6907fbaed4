"""Dashboards: the committed ones are those the builder makes, and a real Prometheus has an answer for every panel."""

import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.dashboards import FOLDER, files
from tests.conftest import REPOSITORY
from tests.deploy.documented import documented
from tests.deploy.monitored import Monitored

BOARDS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
VARIABLES = {"$__rate_interval": "20s", "$__range": "5m"}


def queries(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query of a dashboard, beside its panel's title."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def test_the_committed_dashboards_are_those_that_the_builder_makes() -> None:
    assert {file.name: file.read_text() for file in FOLDER.glob("*.json")} == files(), (
        "run python -m deploy.grafana.dashboards"
    )
    assert sorted(BOARDS) == ["actions", "fleet", "models", "store", "stream"]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_titles_of_their_own_and_lie_beside_each_other(name: str) -> None:
    panels = BOARDS[name]["panels"]
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles) and all(titles)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken
        taken |= cells


def test_dashboards_ask_for_series_that_are_documented_and_for_no_other_datasource() -> None:
    for board in BOARDS.values():
        for _, target in queries(board):
            asked = set(re.findall(r"longtake_\w+", target["expr"]))
            assert {re.sub(r"_(bucket|sum|count)$", "", one) for one in asked} <= set(documented())
            assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    provisioning = FOLDER.parent
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["uid"], source["type"], source["url"]) == ("prometheus", "prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((FOLDER / "longtake.yaml").read_text())["providers"]
    mounted = Path("/etc/grafana/provisioning") / FOLDER.relative_to(provisioning)
    assert provider["options"]["path"] == str(mounted) and FOLDER.is_relative_to(REPOSITORY)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BOARDS)
def test_every_query_of_every_panel_has_an_answer(name: str, watch: Monitored) -> None:
    """For the GPUs the test exports what a node with two would."""
    asked = {f"{title}: {target['expr']}": _chosen(target["expr"]) for title, target in queries(BOARDS[name])}
    until_s = time.monotonic() + 60.0  # a rate wants two scrapes, and something that happened between them
    while unanswered := [panel for panel, expr in asked.items() if not _answered(expr, watch)]:
        assert time.monotonic() < until_s, unanswered
        asked = {panel: asked[panel] for panel in unanswered}
        time.sleep(0.5)


def _chosen(expr: str) -> str:
    """A query as Grafana sends it: the short stream was chosen for segments, the camera for all else."""
    stream = ".*" if "=~" in expr else "clip" if "segments" in expr else "door"
    for variable, value in (VARIABLES | {"$stream": stream}).items():
        expr = expr.replace(variable, value)
    assert "$" not in expr
    return expr


def _answered(expr: str, watch: Monitored) -> bool:
    return any(math.isfinite(value) for value in watch.prometheus.lately(expr))
