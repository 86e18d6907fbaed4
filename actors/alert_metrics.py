"""What alerts tell Prometheus and the log."""

from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from actors.log import logger
from actors.metrics_folder import NEWEST
from pipeline.alerts.hooks import AlertHooks

_RAISED = Counter("longtake_alerts_total", "Segments that a rule found worth an alert.", ("rule",))
_SECONDS = Histogram(
    "longtake_alert_delivery_seconds", "From what was read in an event log to the answer of a target.", ("target",)
)
_FAILED = Counter("longtake_alert_failures_total", "Times that a target took nothing.", ("target",))
_DEAD = Counter("longtake_alerts_dead_total", "Alerts that were refused, or given up.", ("target",))
_DROPPED = Counter("longtake_alerts_dropped_total", "Alerts forgotten because too many waited.", ("target",))
_WAITING = Gauge("longtake_alerts_waiting", "What waits for a target.", ("target",), multiprocess_mode=NEWEST)
_LOST = Counter("longtake_alert_logs_lost_total", "Times that events were gone before rules read them.", ("stream",))


class AlertMetrics(AlertHooks):
    """Counts, and logs what somebody should look at; of a target that stays away the first failure only."""

    def __init__(self) -> None:
        self._log: Any = logger(part="alerts")
        self._away: set[str] = set()

    def raised(self, rule: str, stream: str) -> None:
        """As `AlertHooks.raised`."""
        _RAISED.labels(rule).inc()

    def delivered(self, target: str, seconds: float) -> None:
        """As `AlertHooks.delivered`."""
        _SECONDS.labels(target).observe(seconds)
        if target in self._away:
            self._away.discard(target)
            self._log.info("a target takes alerts again", target=target)

    def failed(self, target: str, error: str) -> None:
        """As `AlertHooks.failed`."""
        _FAILED.labels(target).inc()
        if target not in self._away:
            self._away.add(target)
            self._log.warning("a target takes no alerts; it is tried again", target=target, error=error)

    def dead(self, target: str, error: str) -> None:
        """As `AlertHooks.dead`."""
        _DEAD.labels(target).inc()
        self._log.warning("an alert is given up; see: longtake alerts ls", target=target, error=error)

    def dropped(self, target: str, count: int) -> None:
        """As `AlertHooks.dropped`."""
        _DROPPED.labels(target).inc(count)
        self._log.warning("too many alerts wait; the oldest are forgotten", target=target, count=count)

    def waiting(self, target: str, count: int) -> None:
        """As `AlertHooks.waiting`."""
        _WAITING.labels(target).set(count)

    def lost(self, stream: str) -> None:
        """As `AlertHooks.lost`."""
        _LOST.labels(stream).inc()
        self._log.warning("events were gone from the log before rules could read them", stream=stream)

    def store_away(self, error: str) -> None:
        """As `AlertHooks.store_away`."""
        self._log.warning("alerts wait for the store", error=error)
