"""Starting or joining Ray, for whoever drives actors."""

import logging
from typing import Any

import ray
from tenacity import retry, stop_after_attempt

from actors.settings import RaySettings
from pipeline.errors import EngineError

NAMESPACE = "longtake"
"""Where hosts, supervisor and model workers that outlive their creator have their names."""


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
    """Start or join Ray; tried twice, because a busy machine may need longer than the time Ray gives itself."""
    ray.shutdown()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": namespace}
    if settings.address is not None:
        ray.init(settings.address, **quiet)
    else:
        space = settings.object_store_bytes  # "local", or a cluster that somebody started here would be joined
        ray.init("local", num_cpus=0, include_dashboard=False, object_store_memory=space, **quiet)


def first_line(error: BaseException) -> str:
    """What an error of Ray's says, without the pages that follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
