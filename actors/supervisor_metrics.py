"""Metrics of the supervisor: what is wished for, what is held, and the pools of model workers."""

from collections import Counter as Tally

from prometheus_client import Counter, Gauge, Histogram

import actors.metrics  # noqa: F401 - leaves out the series that tell when others were created
from pipeline.control.plan import Action, Lose
from pipeline.control.records import View

STATES = ("running", "starting", "backing_off", "failed", "ended", "paused")

_STREAMS = Gauge(
    "longtake_streams", "Streams that are wished for, by what they are at.", ("state",), multiprocess_mode="livemax"
)
_HOSTS = Gauge("longtake_hosts", "Hosts that are alive.", ("state",), multiprocess_mode="livemax")
_LOSSES = Counter("longtake_stream_losses_total", "Streams that were lost with their host, or never taken by it.")
_LOOK_SECONDS = Histogram("longtake_supervisor_step_seconds", "How long the supervisor took for one look.")
_WORKERS = Gauge("longtake_pool_workers", "Model workers of a pool.", ("model",), multiprocess_mode="livemax")
_WAITING = Gauge(
    "longtake_pool_waiting", "Requests that wait in a pool of model workers.", ("model",), multiprocess_mode="livemax"
)


def show_look(view: View, actions: list[Action], seconds: float) -> None:
    """Count one look of the supervisor that leads."""
    states = Tally(_state(view, name) for name in view.wishes)
    for state in STATES:
        _STREAMS.labels(state).set(states[state])
    ready = sum(host.ready for host in view.hosts.values())
    _HOSTS.labels("ready").set(ready)
    _HOSTS.labels("starting").set(len(view.hosts) - ready)
    _LOSSES.inc(sum(isinstance(action, Lose) for action in actions))
    _LOOK_SECONDS.observe(seconds)


def show_pool(model: str, workers: int, waiting: int) -> None:
    """Show one pool; one that was ended has no workers."""
    _WORKERS.labels(model).set(workers)
    _WAITING.labels(model).set(waiting)


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
