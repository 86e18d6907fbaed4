"""One exporter per node: what its processes count, and what the node tells of itself, at one address."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Metric,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.registry import Collector

from actors.gpu_metrics import GpuCollector
from actors.metrics_folder import METRICS_VARIABLE, PREFIX, FolderCollector, shown
from actors.node_metrics import NodeCollector
from actors.threads import repeated
from pipeline.errors import UsageError

LOOPBACK = "127.0.0.1"
_TIDY_S = 60.0


@contextmanager
def exporting(folder: Path | None, port: int, host: str, role: str, data: Path | None = None) -> Iterator[None]:
    """Serve a node's metrics at http://host:port/metrics as long as the context lasts.

    Args:
        folder: where the node's processes keep their numbers, because `METRICS_VARIABLE` names it in their environment;
            None where this process is the only one.
        role: what the node is for.
        data: longtake's data folder, whose disk is watched.

    Raises:
        UsageError: the port is taken or not allowed, or `host` is no address of this machine.
    """
    registry = CollectorRegistry()
    counted = FolderCollector(folder) if folder else _Own()
    for collector in (counted, NodeCollector(role, data), GpuCollector()):
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    with ExitStack() as stack:
        stack.enter_context(_listening(port, host, registry))
        if isinstance(counted, FolderCollector):
            stack.enter_context(repeated("tidy", _TIDY_S, counted.tidy))  # where nobody asks it would grow
        yield


@contextmanager
def served(
    port: int, host: str = LOOPBACK, shared: bool = False, role: str = "all", data: Path | None = None
) -> Iterator[None]:
    """Be the exporter of what this process starts; without a port (0) do nothing.

    Args:
        shared: the processes that are started meanwhile are seen too, by a folder that is removed at the end.
        role, data: as for `exporting`.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_folder()) if port and shared else None
        if port:
            stack.enter_context(exporting(folder, port, host, role, data))
        yield


class _Own(Collector):
    """What this process counts."""

    def collect(self) -> Iterator[Metric]:
        yield from shown(family for family in REGISTRY.collect() if family.name.startswith("longtake_"))


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that every process started meanwhile inherits."""
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        os.environ[METRICS_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[METRICS_VARIABLE]


@contextmanager
def _listening(port: int, host: str, registry: CollectorRegistry) -> Iterator[None]:
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"metrics cannot be served on {host}:{port} ({reason}); give another --metrics-port, or 0 for none"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
