"""What alerts tell Prometheus and the log."""

import json

from prometheus_client import REGISTRY

from actors.alert_metrics import AlertMetrics


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_what_happens_to_alerts_is_counted():
    metrics = AlertMetrics()
    metrics.raised("counted", "cam1")
    metrics.delivered("counted", 0.25)
    metrics.failed("counted", "it answered 503")
    metrics.dead("counted", "it answered 422")
    metrics.dropped("counted", 3)
    metrics.waiting("counted", 7)
    metrics.lost("counted")
    assert value("longtake_alerts_total", rule="counted") == 1
    assert value("longtake_alert_delivery_seconds_sum", target="counted") == 0.25
    assert value("longtake_alert_failures_total", target="counted") == 1
    assert value("longtake_alerts_dead_total", target="counted") == 1
    assert value("longtake_alerts_dropped_total", target="counted") == 3
    assert value("longtake_alerts_waiting", target="counted") == 7
    assert value("longtake_alert_logs_lost_total", stream="counted") == 1


def test_a_target_that_stays_away_is_logged_once_and_so_is_its_return(capsys):
    metrics = AlertMetrics()
    for _ in range(3):
        metrics.failed("desk", "it cannot be reached at http://me:secret@desk/")
    metrics.delivered("desk", 0.1)
    metrics.delivered("desk", 0.1)
    metrics.failed("desk", "again")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "info", "warning"]
    assert lines[0]["target"] == "desk" and "secret" not in str(lines)
