"""Structured logs of the actors: one JSON object a line on standard error, every text redacted."""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from pipeline.errors import redact


def logger(**context: str) -> Any:
    """Return a logger whose lines carry `context`."""
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
        structlog.processors.JSONRenderer(),
    ]
    return structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=processors).bind(**context)


def _redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
