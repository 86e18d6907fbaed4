"""Metrics of the API: what was asked, how it was answered, how long it took."""

import time
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.metrics_folder import NEWEST, shown

_REQUESTS = Counter("longtake_api_requests_total", "Requests answered.", ("route", "method", "status"))
_SECONDS = Histogram("longtake_api_request_seconds", "From a request to the end of its answer.", ("route",))
_LIVE = Gauge("longtake_api_live_clients", "Clients that follow events.", multiprocess_mode=NEWEST)

LIVE = "/api/live"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})
_NOWHERE, _OTHER = "(none)", "(other)"  # no route is called so


class CountingMiddleware:
    """Counts every request by the route that answered it, never by its path, so that series stay bounded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._following = 0

    def _follows(self, change: int) -> None:
        self._following += change
        _LIVE.set(self._following)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began_s = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["path"] == LIVE and status == 200:
                    self._follows(1)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _count(scope, status, time.perf_counter() - began_s)
            if scope["path"] == LIVE and status == 200:
                self._follows(-1)


def _count(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None) or _NOWHERE
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    _REQUESTS.labels(route, method, status or 499).inc()  # 499: who asked went away
    if scope["path"] != LIVE:
        _SECONDS.labels(route).observe(seconds)


class _OfThisProcess(Collector):
    """What a process counts that serves the API, and nothing of what merely is imported by it."""

    def collect(self) -> Iterator[Metric]:
        yield from shown(family for family in REGISTRY.collect() if family.name.startswith(_OURS))


_OURS = ("longtake_api_", "longtake_alert")


def exposition() -> bytes:
    """Return this process's metrics in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_OfThisProcess())
    return generate_latest(registry)
