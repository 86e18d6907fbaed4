"""The URL of a store: one server, a Redis Cluster, or a master that sentinels watch over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.errors import UsageError

Kind: TypeAlias = Literal["server", "cluster", "sentinel"]

_KINDS: dict[str, Kind] = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
}
_PORTS: dict[Kind, int] = {"server": 6379, "cluster": 6379, "sentinel": 26379}
_CERT_REQS = ("required", "optional", "none")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A URL taken apart.

    Attributes:
        nodes: host and port of the server, of some nodes of the cluster, or of the sentinels; empty for a unix socket.
        service: the name by which sentinels know the master; else empty.
        sentinel_auth: the sentinels want the same user and password as the master.
        options: what the Redis client is told beside that: user, password, database, socket, TLS.
    """

    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    service: str = ""
    sentinel_auth: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse(url: str) -> StoreUrl:
    """Take `url` apart.

    Raises:
        UsageError: it is not one of a store, or an option in it is unknown or wrong.
    """
    scheme, found, _ = url.partition("://")
    kind = _KINDS.get(scheme)
    if not found or kind is None:
        allowed = ", ".join(f"{name}://…" for name in _KINDS)
        raise UsageError(f"a store is named by a URL, got {url!r}; allowed are {allowed}")
    parts = _split(url)
    if scheme != "unix" and ("@" in parts.path + parts.query + parts.fragment or parts.fragment):
        # What is said of it must not show it: a part of the password may lie where nobody looks for one.
        raise UsageError("in the URL of a store, / ? # @ in a user or password are written %2F %3F %23 %40")
    options = _query(parts.query)
    auth = bool(options.pop("sentinel_auth", False))
    _check_tls(options, tls=scheme.startswith("rediss"))
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    options |= {name: unquote(text) for name, text in (("username", user), ("password", password)) if text}
    if scheme == "unix":
        return StoreUrl(kind, (), options=options | {"unix_socket_path": unquote(parts.path)})
    service, database = _path(kind, parts)
    options |= {"db": database} if database is not None else {}
    if scheme.startswith("rediss"):
        options["ssl"] = True
    return StoreUrl(kind, _nodes(kind, parts), service, auth, options)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UsageError(f"the URL of a store cannot be read: {error}") from error


def _nodes(kind: Kind, parts: SplitResult) -> tuple[tuple[str, int], ...]:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if kind == "server" and len(hosts) > 1:
        raise UsageError("one server has one host; several are named by redis+cluster://… or redis+sentinel://…")
    return tuple(_node(host, _PORTS[kind]) for host in hosts)


def _node(text: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        return unquote(parts.hostname or "localhost"), parts.port or port
    except ValueError as error:
        raise UsageError("a host in the URL of a store is HOST or HOST:PORT, and a port a number to 65535") from error


def _path(kind: Kind, parts: SplitResult) -> tuple[str, int | None]:
    """The service and the database that the path names."""
    words = [unquote(word) for word in parts.path.split("/") if word]
    service = ""
    if kind == "sentinel":
        if not words:
            raise UsageError("sentinels are asked for a master by its name: redis+sentinel://HOST:PORT,…/SERVICE")
        service = words.pop(0)
    database = _database(words[0]) if words else None
    if len(words) > 1 or (kind == "cluster" and database):
        raise UsageError("the URL of a store ends with the number of a database, and a Redis Cluster has only 0")
    return service, None if kind == "cluster" else database


def _query(query: str) -> dict[str, Any]:
    options = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise UsageError(f"unknown option {name!r} in the URL of a store; allowed are {', '.join(_OPTIONS)}")
        try:
            options[name] = _OPTIONS[name](text)
        except ValueError as error:
            raise UsageError(f"{name} in the URL of a store: {error}") from error
    return options


def _check_tls(options: Mapping[str, Any], tls: bool) -> None:
    named = [name for name in options if name.startswith("ssl_")]
    if named and not tls:
        raise UsageError(f"{named[0]} is an option of TLS: write rediss:// (or rediss+cluster://, rediss+sentinel://)")


def _database(text: str) -> int:
    if not text.isdecimal():
        raise UsageError("the path of a store's URL is the number of a database, as redis://HOST:PORT/0")
    return int(text)


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError(f"there is no file {text!r} on this machine")
    return text


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise ValueError(f"there is no folder {text!r} on this machine")
    return text


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError(f"is true or false, got {text!r}")
    return _FLAGS[text.lower()]


def _cert_reqs(text: str) -> str:
    if text not in _CERT_REQS:
        raise ValueError(f"is one of {', '.join(_CERT_REQS)}, got {text!r}")
    return text


_OPTIONS: dict[str, Callable[[str], Any]] = {
    "db": _database,
    "username": str,
    "password": str,
    "ssl_ca_certs": _file,
    "ssl_ca_path": _folder,
    "ssl_certfile": _file,
    "ssl_keyfile": _file,
    "ssl_password": str,
    "ssl_cert_reqs": _cert_reqs,
    "ssl_check_hostname": _flag,
    "sentinel_auth": _flag,
}
