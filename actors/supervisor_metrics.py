"""Metrics of the supervisor: what is wished for, what is held, and the pools of model workers."""

import math
from collections import Counter as Tally

from prometheus_client import Counter, Gauge, Histogram

from actors.metrics_folder import NEWEST
from pipeline.control.plan import Action, Lose
from pipeline.control.records import View

STATES = ("running", "starting", "backing_off", "failed", "ended", "paused")

_STREAMS = Gauge(
    "longtake_streams", "Streams that are wished for, by what they are at.", ("state",), multiprocess_mode=NEWEST
)
_HOSTS = Gauge("longtake_hosts", "Hosts that are alive.", ("state",), multiprocess_mode=NEWEST)
_LOSSES = Counter("longtake_stream_losses_total", "Streams that were lost with their host, or never taken by it.")
_LOOK_SECONDS = Histogram("longtake_supervisor_step_seconds", "How long the supervisor took for one look.")
_WORKERS = Gauge("longtake_pool_workers", "Model workers of a pool.", ("model",), multiprocess_mode=NEWEST)
_WAITING = Gauge(
    "longtake_pool_waiting", "Requests that wait in a pool of model workers.", ("model",), multiprocess_mode=NEWEST
)
_shown: set[tuple[Gauge, str]] = set()


def show_look(view: View, actions: list[Action], seconds: float) -> None:
    """Count one look of the supervisor that leads."""
    states = Tally(_state(view, name) for name in view.wishes)
    for state in STATES:
        _show(_STREAMS, state, states[state])
    ready = sum(host.ready for host in view.hosts.values())
    _show(_HOSTS, "ready", ready)
    _show(_HOSTS, "starting", len(view.hosts) - ready)
    _LOSSES.inc(sum(isinstance(action, Lose) for action in actions))
    _LOOK_SECONDS.observe(seconds)


def show_pool(model: str, workers: int, waiting: int) -> None:
    """Show one pool."""
    _show(_WORKERS, model, workers)
    _show(_WAITING, model, waiting)


def hide_pool(model: str) -> None:
    """A pool was ended."""
    _hide({(gauge, label) for gauge, label in _shown if label == model and gauge in (_WORKERS, _WAITING)})


def hide_look() -> None:
    """Another supervisor leads: what this one saw last is not how it is."""
    _hide(set(_shown))


def _show(gauge: Gauge, label: str, value: float) -> None:
    gauge.labels(label).set(value)
    _shown.add((gauge, label))


def _hide(series: set[tuple[Gauge, str]]) -> None:
    for gauge, label in series:
        gauge.labels(label).set(math.nan)
    _shown.difference_update(series)


def _state(view: View, stream: str) -> str:
    wish, outcome = view.wishes[stream], view.outcomes.get(stream)
    if stream in view.held:
        return "running"
    if wish.paused:
        return "paused"
    if stream in view.assigned or outcome is None or outcome.generation != wish.generation:
        return "starting"
    if outcome.state == "ended":
        return "ended"
    return "failed" if outcome.final else "backing_off"
