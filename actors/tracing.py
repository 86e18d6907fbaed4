"""The switch of tracing: off unless the environment names where OpenTelemetry's traces are to go.

The environment, because the standard variables are what a collector's users set anyway, one of them may hold a secret
that neither a config nor Ray should carry, and every process of a node inherits them from `longtake serve`, `run` or
`join`. While it is off nothing of OpenTelemetry is imported, no clip has a trace, and no request carries one.
"""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from actors.log import logger
from pipeline.hooks import Hooks

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def tracing(role: str, model: str = "") -> Hooks:
    """Return a listener that traces what it is told of; one that does nothing where tracing is off.

    Where it is on and cannot be, a warning says so and it stays off: watching matters more than being watched.

    Args:
        role: of this process: `lane`, `model worker` or `inline`.
        model: fingerprint of the model a worker answers for.
    """
    if not wanted(os.environ):
        return Hooks()
    if trouble := hindrance(os.environ):
        logger(role=role).warning("no tracing", error=trouble)
        return Hooks()
    from actors.spans import SpanHooks, exported  # loads OpenTelemetry

    return SpanHooks(exported(role), model)


def wanted(environ: Mapping[str, str]) -> bool:
    """Somebody has named an endpoint for traces, and nobody has switched them off."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(environ.get(name) for name in ENDPOINTS)


def hindrance(environ: Mapping[str, str]) -> str:
    """Why there can be no tracing here, and what to do; empty where there can."""
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        return f"traces are sent as {_PROTOCOL} (port 4318) only, not as {protocol}"
    if not all(map(_installed, _PACKAGES)):
        return "OpenTelemetry is not installed: pip install 'longtake[tracing]'"
    return ""


def _installed(package: str) -> bool:
    if package in sys.modules:
        return True
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even its parent
        return False
