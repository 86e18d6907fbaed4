"""`longtake serve`: watch the streams that were added, until told to stop."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer

from actors.alert_metrics import AlertMetrics
from actors.exporter import LOOPBACK, served
from actors.ray_node import NodePlan, RayNode, ray_node, use_token
from actors.settings import Setup
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from longtake.config import Config, known_model, load
from longtake.join import registry, wait_for_head, wait_until
from longtake.output import messages
from longtake.query import ConfigOption, StoreOption
from longtake.stopping import asked_to_stop
from longtake.stores import open_store
from longtake.web import CorsOption, HttpHostOption, HttpPortOption, chosen
from pipeline.alerts.dispatch import alerting
from pipeline.control.board import Board
from pipeline.control.settings import ServeSettings
from pipeline.errors import StoreError, UsageError, redact
from pipeline.home import home
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.timeline.store import TimelineStore

_LOOK_S = 1.0
_ILL_S = 60.0


def serve(
    config: ConfigOption = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster to join (default: Ray on this machine).")] = None,
    store: StoreOption = None,
    model: Annotated[str, typer.Option(help="Model of streams that name none: registered, or a directory.")] = (
        DEFAULT_MODEL
    ),
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="Serve Prometheus metrics here; 0 is off.")] = 0,
    metrics_host: Annotated[str, typer.Option(help="Address to serve them on.")] = LOOPBACK,
    http_port: HttpPortOption = None,
    http_host: HttpHostOption = None,
    cors_origin: CorsOption = None,
    store_wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a store that is still starting.")] = 0,
) -> None:
    """Watch all streams that were added, until Ctrl-C: by `longtake streams add`, or in the config."""
    settings = _with_address(load(config, os.environ), address)
    api = chosen(settings.api, http_port, http_host, cors_origin)
    _require_store(settings, store)
    card = load_card(resolve(model))
    with asked_to_stop() as stop:
        if settings.ray.address is not None:
            use_token(required=False)
            wait_for_head(settings.ray.address, stop)
        if stop.is_set():
            return
    role = "all" if settings.ray.address is None else "control"
    exporter = served(metrics_port, metrics_host, shared=True, role=role, data=home())
    with open_store(store, store_wait) as opened, exporter:
        board = Board(opened)
        board.publish(settings.serve.model_dump(mode="json", include={"allowed_schemes", "retry_s", "retry_cap_s"}))
        _wish(board, settings)
        setup = Setup(
            model=known_model(model),
            store=store,
            home=str(home()),
            flow=settings.flow,
            ray=settings.ray,
            serve=settings.serve,
        )
        with (
            _own_node(settings.ray.address) as node,
            _page(opened, api, settings.serve) as url,
            alerting(opened, settings.alerts, os.environ, AlertMetrics()),
        ):
            if settings.ray.address is not None:
                registry(settings.ray.address).publish_models({setup.model: card.fingerprint})
            again = _run(setup, board, node, url)
    if again:
        _serve_again()


def _require_store(settings: Config, store: str | None) -> None:
    """Raise `UsageError` for settings that make no sense on one machine, or none on several."""
    if store is None and settings.ray.address is not None:
        raise UsageError("the machines of a cluster need a store that all of them reach: --store redis://HOST:PORT")
    if settings.ray.address is None and (settings.serve.host_labels or settings.serve.host_cpus):
        raise UsageError(
            "serve.host_labels and serve.host_cpus choose among the nodes of a cluster, and this machine is but one; "
            "leave them out of the config, or join a cluster with --address"
        )


@contextmanager
def _own_node(address: str | None) -> Iterator[RayNode | None]:
    """Make this machine a node of the cluster, where it is none yet: only from a node can a cluster be led."""
    if address is None or _is_node(address):
        yield None
        return
    with ray_node(NodePlan(address, "control")) as node, asked_to_stop() as stop:
        wait_until(lambda: _is_node(address), node, stop)
        yield node


def _is_node(address: str) -> bool:
    ours = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    return bool(registry(address).addresses() & ours)


@contextmanager
def _page(store: TimelineStore, api: ApiSettings, rules: ServeSettings) -> Iterator[str]:
    """Serve the page and the API, if there is a port for them; yields where."""
    if not api.port:
        yield ""
        return
    from actors.pictures import Pictures  # loads Ray

    with serving(Backend(store, api, rules, Pictures(Board(store)), serves=True)) as url:
        yield url


def _run(setup: Setup, board: Board, node: RayNode | None, url: str) -> bool:
    """Serve until told to stop; True if Ray died instead."""
    from actors.control import ControlPlane, RayDied

    messages.print("starting Ray and the supervisor")
    try:
        with ControlPlane(setup) as plane, asked_to_stop() as stop:
            board.poke()
            _say_where(setup, board, url)
            while not stop.wait(_LOOK_S):
                plane.check()
                if node is not None and not node.alive():
                    raise RayDied(f"this machine is no node of the cluster any more: {node.why()}")
                if not _led(board):
                    plane.await_supervisor(_ILL_S)
            messages.print("stopping the streams")
    except RayDied as error:
        messages.print(f"{error}; starting anew")
        return True
    messages.print("stopped; the timelines are kept")
    return False


def _led(board: Board) -> bool:
    """Some supervisor acts; while the store is away nobody can tell, and nobody is to blame."""
    try:
        return bool(board.leader())
    except StoreError:
        return True


def _serve_again() -> None:
    """Become a new process of the same command: a Ray that has died cannot be left and started again within one."""
    os.execv(sys.executable, [sys.executable, "-m", "longtake", *sys.argv[1:]])


def _with_address(config: Config, address: str | None) -> Config:
    if address is None:
        return config
    return config.model_copy(update={"ray": config.ray.model_copy(update={"address": address})})


def _wish(board: Board, config: Config) -> None:
    """Wish for what the config names; what is wished for already stays as it is, unless the config says otherwise.

    Whether a known stream is paused is left to the commands.
    """
    known = board.wishes()
    for name, settings in config.streams.items():
        wish = settings.wish(name)
        if name not in known:
            board.put(wish, replace=True)
        elif not wish.same_wish(known[name]):
            board.change(
                name,
                uri=wish.uri,
                policy=wish.policy,
                model=wish.model,
                fps=wish.fps,
                start_time_s=wish.start_time_s,
                realtime=wish.realtime,
            )


def _say_where(setup: Setup, board: Board, url: str) -> None:
    messages.print(f"store     {redact(setup.store) if setup.store else Path(setup.home) / 'store'}", highlight=False)
    messages.print(f"Ray       {setup.ray.address or 'on this machine'}", highlight=False)
    messages.print(f"page      {url or 'none; --http-port 8080 serves one'}", highlight=False)
    messages.print(f"streams   {len(board.wishes())}; more: longtake streams add NAME URI", highlight=False)
    messages.print("serving; Ctrl-C stops", highlight=False)
