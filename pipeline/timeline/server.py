"""Opening a connection to a Redis server and checking that it is one longtake can use."""

from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from pipeline.errors import StoreVersion, UsageError
from pipeline.timeline.keys import SCHEMA, SCHEMA_VERSION

OLDEST = (6, 0)
_SCHEMES = ("redis://", "rediss://", "unix://")


def connect(url: str, timeout_s: float) -> "redis.Redis":
    """Return a client for `url`; nothing is sent yet.

    Raises:
        UsageError: the URL is not one of a Redis server.
    """
    if not url.startswith(_SCHEMES):
        raise UsageError(f"a store is named by a URL, got {url!r}; allowed are {', '.join(s + '…' for s in _SCHEMES)}")
    try:
        # A repeated commit is answered, not written again, so the client may repeat what got no answer.
        return redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 3),
            client_name="longtake",
        )
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL of a Redis server: {error}") from error


def check_server(client: "redis.Redis", server: str) -> None:
    """Raise `StoreVersion` unless the server is new enough and holds data of this schema (or none yet)."""
    info: Any = client.info("server")
    check_version(str(info.get("redis_version", "0")), server)
    found: Any = client.get(SCHEMA)
    if found is None:
        client.set(SCHEMA, SCHEMA_VERSION, nx=True)
        found = client.get(SCHEMA)
    check_schema(found, server)


def check_version(version: str, server: str) -> None:
    """Raise `StoreVersion` if `version` ("6.2.14") is older than Redis 6.0."""
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")[:2]]
    if tuple(numbers) < OLDEST:
        raise StoreVersion(f"the store at {server} is Redis {version}; longtake needs 6.0 or newer")


def check_schema(found: bytes, server: str) -> None:
    """Raise `StoreVersion` if the data were written under another schema version."""
    if found != str(SCHEMA_VERSION).encode():
        written = found.decode(errors="replace")
        raise StoreVersion(
            f"the data in the store at {server} have schema {written}, this longtake reads {SCHEMA_VERSION}; "
            "use the longtake that wrote them, or another store or database number"
        )
