"""What longtake asks of a Redis server, and what it wants to know of it."""

from typing import Any

from pipeline.clock import Clock
from pipeline.errors import StoreVersion
from pipeline.timeline.clients import masters
from pipeline.timeline.keys import SCHEMA, SCHEMA_VERSION
from pipeline.timeline.records import ServerInfo

OLDEST = (6, 0)
NEVER_EVICTS = "noeviction"


def check_server(client: Any, server: str) -> None:
    """Raise `StoreVersion` unless the server is new enough and holds data of this schema (or none yet)."""
    for where in masters(client):
        check_version(str(client.info("server", **where).get("redis_version", "0")), server)
    found = client.get(SCHEMA)
    if found is None:
        client.set(SCHEMA, SCHEMA_VERSION, nx=True)
        found = client.get(SCHEMA)
    check_schema(found, server)


def server_info(client: Any, clock: Clock) -> ServerInfo:
    """Ask the server, or every master of a cluster, how it is."""
    found = [_asked(client, clock, where) for where in masters(client)]
    fullest = max(found, key=lambda one: (one.used_bytes / one.limit_bytes if one.limit_bytes else 0, one.used_bytes))
    evicting = [one.policy for one in found if one.policy != NEVER_EVICTS]
    return ServerInfo(
        version=min((one.version for one in found), key=_numbers),
        append_only=all(one.append_only for one in found),
        used_bytes=fullest.used_bytes,
        limit_bytes=fullest.limit_bytes,
        policy=evicting[0] if evicting else NEVER_EVICTS,
        ping_s=max(one.ping_s for one in found),
        clock_skew_s=max((one.clock_skew_s for one in found), key=abs),
    )


def _asked(client: Any, clock: Clock, where: dict[str, Any]) -> ServerInfo:
    info = client.info(**where)  # first, so that the connection is there before time is taken
    before_s, start_s = clock.wall_s(), clock.monotonic_s()
    seconds, micros = client.time(**where)
    ping_s = clock.monotonic_s() - start_s
    return ServerInfo(
        version=str(info["redis_version"]),
        append_only=bool(info["aof_enabled"]),
        used_bytes=int(info["used_memory"]),
        limit_bytes=int(info["maxmemory"]),
        policy=str(info["maxmemory_policy"]),
        ping_s=ping_s,
        clock_skew_s=seconds + micros / 1e6 - (before_s + ping_s / 2),
    )


def check_version(version: str, server: str) -> None:
    """Raise `StoreVersion` if `version` ("6.2.14") is older than Redis 6.0."""
    if _numbers(version) < OLDEST:
        raise StoreVersion(f"the store at {server} is Redis {version}; longtake needs 6.0 or newer")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def check_schema(found: bytes, server: str) -> None:
    """Raise `StoreVersion` if the data were written under another schema version."""
    if found != str(SCHEMA_VERSION).encode():
        written = found.decode(errors="replace")
        raise StoreVersion(
            f"the data in the store at {server} have schema {written}, this longtake reads {SCHEMA_VERSION}; "
            "use the longtake that wrote them, or another store or database number"
        )
