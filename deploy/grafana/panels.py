"""The few kinds of panels that longtake's dashboards are made of."""

from dataclasses import dataclass
from typing import TypeAlias

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, LegendDisplayMode, LegendPlacement, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
RATE = "$__rate_interval"
ROW, WIDTH = 8, 24

Panel: TypeAlias = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel | bargauge.Panel


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel asks Prometheus, and how the lines of the answer are named."""

    expr: str
    legend: str = ""


def quantile(share: float, histogram: str, by: str = "") -> Query:
    """A quantile of a histogram over the last moments, by a label or of all."""
    of = f"le, {by}" if by else "le"
    expr = f"histogram_quantile({share}, sum by ({of}) (rate({histogram}_bucket[{RATE}])))"
    return Query(expr, f"{{{{{by}}}}}" if by else f"{share:.0%}")


def graph(title: str, unit: str, *queries: Query, about: str = "", width: int = 8) -> Panel:
    """Lines over time."""
    panel = timeseries.Panel().title(title).description(about).unit(unit).span(width).height(ROW).min(0)
    panel = panel.legend(VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
    return _asking(panel.fill_opacity(10), queries)


def number(
    title: str, unit: str, query: Query, *, alarm: float | None = None, about: str = "", width: int = 4
) -> Panel:
    """One number, red from `alarm` on."""
    steps = [Threshold(value=None, color="green")] + (
        [Threshold(value=alarm, color="red")] if alarm is not None else []
    )
    panel = stat.Panel().title(title).description(about).unit(unit).span(width).height(ROW // 2)
    panel = panel.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return _asking(panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"])), [query])


def bars(title: str, unit: str, query: Query, about: str = "", width: int = 8) -> Panel:
    """One bar for each line of the answer, as it is now."""
    panel = bargauge.Panel().title(title).description(about).unit(unit).span(width).height(ROW).min(0)
    return _asking(panel.display_mode(BarGaugeDisplayMode.BASIC), [query])


def rows(title: str, query: Query, about: str = "", width: int = 8) -> Panel:
    """A table of labels."""
    asked = Dataquery().expr(query.expr).format(PromQueryFormat.TABLE).instant().ref_id("A").datasource(PROMETHEUS)
    hidden = DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})
    panel = table.Panel().title(title).description(about).span(width).height(ROW).datasource(PROMETHEUS)
    return panel.with_target(asked).with_transformation(hidden)


def states(title: str, query: Query, words: dict[str, tuple[str, str]], about: str = "", height: int = ROW) -> Panel:
    """A band for each line of the answer; `words` says text and colour of each value."""
    mapping = ValueMap(
        {value: ValueMappingResult(text, color, index=i) for i, (value, (text, color)) in enumerate(words.items())}
    )
    panel = statetimeline.Panel().title(title).description(about).span(WIDTH).height(height).mappings([mapping])
    panel = panel.merge_values(True).show_value(VisibilityMode.NEVER).row_height(0.8).fill_opacity(80)
    return _asking(panel, [query])


def chosen_stream(many: bool) -> QueryVariable:
    """The variable `$stream`."""
    variable = (
        QueryVariable("stream").label("Stream").datasource(PROMETHEUS).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    variable = variable.query("label_values(longtake_commits_total, stream)").sort(VariableSort.ALPHABETICAL_ASC)
    return variable.multi(many).include_all(many)


def dashboard(uid: str, title: str, about: str, *panels: Panel) -> Dashboard:
    """A dashboard whose panels lie in the order of reading."""
    board = Dashboard(title).uid(uid).description(about).tags(["longtake"]).timezone("browser")
    board = board.refresh("10s").time("now-1h", "now").readonly()
    for panel in panels:
        board = board.with_panel(panel)
    return board


def _asking(panel: Panel, queries: "tuple[Query, ...] | list[Query]") -> Panel:
    panel = panel.datasource(PROMETHEUS)
    for name, query in zip("ABCDEFGH", queries, strict=False):
        asked = Dataquery().expr(query.expr).legend_format(query.legend).range().ref_id(name).datasource(PROMETHEUS)
        panel = panel.with_target(asked)
    return panel
