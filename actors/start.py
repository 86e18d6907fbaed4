"""Starting or joining Ray, for whoever drives actors."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray._raylet import Config  # type: ignore[attr-defined]
from tenacity import retry, stop_after_attempt

from actors.settings import RaySettings
from pipeline.errors import EngineError

NAMESPACE = "longtake"
"""Where hosts, supervisor and model workers that outlive their creator have their names."""

_PATIENCE = {
    "RAY_gcs_server_port_wait_time_s": "120",  # until the GCS says where it listens
    "RAY_raylet_start_wait_time_s": "120",  # until the GCS knows the raylet
}
"""How long a Ray that is started here may take, instead of half a minute: a busy machine loads its libraries slowly."""


def start(settings: RaySettings, namespace: str | None = None) -> None:
    """Join the cluster of `settings`, or start Ray on this machine.

    Raises:
        EngineError: neither was possible.
    """
    try:
        _init(settings, namespace)
    except Exception as error:  # Ray raises bare exceptions of many kinds when it cannot start
        where = f"the cluster at {settings.address} cannot be joined" if settings.address else "Ray did not start"
        raise EngineError(f"{where}: {first_line(error)}") from error


@retry(stop=stop_after_attempt(2), reraise=True)
def _init(settings: RaySettings, namespace: str | None) -> None:
    """Start or join Ray; tried twice, because a busy machine may need longer than it is given."""
    ray.shutdown()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": namespace}
    if settings.address is not None:
        ray.init(settings.address, **quiet)
    else:
        space = settings.object_store_bytes  # "local", or a cluster that somebody started here would be joined
        with _patience():
            ray.init("local", num_cpus=0, include_dashboard=False, object_store_memory=space, **quiet)


def actor_class(plain: type, groups: Mapping[str, int] | None = None) -> Any:
    """Return a class as one of actors whose calls leave no trace.

    Ray's head would keep a record of each, up to 100,000 of them: memory that grows for hours, for a dashboard that
    is not there.

    Args:
        groups: concurrency groups, and how many calls each has at once: such calls never keep others waiting.
    """
    options: dict[str, Any] = {"enable_task_events": False, "concurrency_groups": dict(groups or {})}
    return ray.remote(**options)(plain)


@contextmanager
def _patience() -> Iterator[None]:
    """Let a Ray that is started meanwhile take its time; what the user has set already stays."""
    added = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(added)
    Config.initialize("")  # this process has read its settings when Ray was imported: it reads them again
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def first_line(error: BaseException) -> str:
    """What an error of Ray's says, without the pages that follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
