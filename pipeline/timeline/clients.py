"""Clients of the kinds of servers a store can live in."""

import errno
import threading
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.credentials import CredentialProvider
from redis.retry import Retry
from redis.sentinel import Sentinel

from pipeline.errors import UsageError
from pipeline.timeline.urls import StoreUrl, parse

PASSWORD_FILE = "LONGTAKE_STORE_PASSWORD_FILE"
"""Variable that names a file with the password of the store, for a URL that has none."""

_SENTINEL_S = 1.0
"""How long one sentinel may take: there are others, and all are asked whenever a connection is made."""


def connect(url: str, timeout_s: float, password_file: Path | None = None) -> Any:
    """Return a client for `url`; of a cluster, one that knows its nodes, else nothing is sent yet.

    Args:
        password_file: holds the password where the URL has none; read again whenever a connection is made.

    Raises:
        UsageError: the URL is not one of a store, or the file cannot be read.
    """
    parsed = parse(url)
    options: dict[str, Any] = {
        **parsed.options,
        "protocol": 2,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "client_name": "longtake",
    }
    if password_file is not None and "password" not in options:
        options["credential_provider"] = _PasswordFile(password_file, options.pop("username", None))
    # A repeated commit is answered, not written again, so the client may repeat what got no answer.
    retry = Retry(ExponentialBackoff(cap=0.2, base=0.02), 3)
    if parsed.kind == "cluster":
        return _cluster(parsed, options, retry)
    if parsed.kind == "sentinel":
        return _watched(parsed, options | {"retry": retry})
    if parsed.nodes:
        options["host"], options["port"] = parsed.nodes[0]
    return redis.Redis(**options, retry=retry)


def masters(client: Any) -> list[dict[str, Any]]:
    """Return, for each server that holds data, the arguments that send a command there."""
    if isinstance(client, RedisCluster):
        return [{"target_nodes": node} for node in client.get_primaries()]  # type: ignore[no-untyped-call]
    return [{}]


def evaluate(pipe: Any, script: str, keys: list[str], arguments: list[Any]) -> None:
    """Add a script to a pipeline; all its keys are in one slot."""
    where = {}
    if isinstance(pipe, ClusterPipeline):  # told where, it need not ask a server which of the arguments are keys
        where["target_nodes"] = pipe.get_node_from_key(keys[0])  # type: ignore[no-untyped-call]
    pipe.execute_command("EVAL", script, len(keys), *keys, *arguments, **where)


def _cluster(parsed: StoreUrl, options: dict[str, Any], retry: Retry) -> RedisCluster:
    (host, port), *others = parsed.nodes
    nodes = [ClusterNode(host, port) for host, port in others]  # type: ignore[no-untyped-call]
    # Only a client made from a URL takes a pool of one's own.
    scheme, host = "rediss" if options.pop("ssl", False) else "redis", f"[{host}]" if ":" in host else host
    options |= {"connection_pool_class": _Connections, "reinitialize_steps": 1}
    return RedisCluster(url=f"{scheme}://{host}:{port}", startup_nodes=nodes, retry=retry, **options)


def _watched(parsed: StoreUrl, options: dict[str, Any]) -> "redis.Redis":
    """A client of the master that the sentinels name whenever it connects."""
    asking = {name: value for name, value in options.items() if name.startswith("ssl")}
    if parsed.sentinel_auth:
        names = ("username", "password", "credential_provider")
        asking |= {name: options[name] for name in names if name in options}
    patience_s = min(_SENTINEL_S, options["socket_timeout"])
    asking |= {"socket_timeout": patience_s, "socket_connect_timeout": patience_s}
    asking |= {"protocol": 2, "retry": Retry(NoBackoff(), 0)}
    sentinels: Any = Sentinel(parsed.nodes, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    master: redis.Redis = sentinels.master_for(parsed.service, **options)
    return master


class _Connections(redis.ConnectionPool):
    """A pool that a connection goes back to once only, from the thread that took it.

    The client of a cluster gives a connection back a second time when a redirected command fails: `_execute_command`
    remembers the one of its first attempt (redis-py 8.1). By then another thread may use it, the pool would hand it to
    a third, and these two would read each other's answers.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._holders: dict[Any, int] = {}
        self._taking = threading.local()

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        self._taking.now = True
        try:
            connection = super().get_connection(*arguments, **options)
        finally:
            self._taking.now = False
        self._holders[connection] = threading.get_ident()
        return connection

    def release(self, connection: Any) -> None:
        # One that could not be connected is given back while it is being taken.
        if getattr(self._taking, "now", False) or self._holders.get(connection) == threading.get_ident():
            self._holders.pop(connection, None)
            super().release(connection)


class _PasswordFile(CredentialProvider):
    """The user and the password that stands in a file now."""

    def __init__(self, path: Path, username: str | None) -> None:
        self._path = path
        self._user = () if username is None else (username,)
        try:
            self._read()
        except OSError as error:
            raise UsageError(f"{PASSWORD_FILE} names {path}, which cannot be read: {error.strerror}") from error

    def get_credentials(self) -> Any:
        try:
            return (*self._user, self._read())
        except OSError as error:
            raise redis.ConnectionError(f"its password file cannot be read: {error.strerror}") from error

    def _read(self) -> str:
        password = self._path.read_text(errors="replace").rstrip("\r\n")
        if not password:
            raise OSError(errno.ENODATA, "it is empty")
        return password
