"""Where errors of the Redis client become longtake's own. Nothing else of the client's leaves this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

import redis.exceptions as foreign
from redis.sentinel import MasterNotFoundError

from pipeline.errors import StoreDown, StoreError, StoreFull, StoreVersion
from pipeline.timeline.clients import PASSWORD_FILE

_CLIENT_ERRORS = (
    foreign.RedisError,
    foreign.RedisClusterException,
    foreign.ChildDeadlockedError,
    foreign.IncorrectPolicyType,
)
_ACCIDENTS = (AttributeError, ValueError, LookupError, OSError)
"""What the client of a cluster stumbles over while slots move: a node it has not heard of (redis-py #4015), or a
connection that another thread has closed. It finds its way with one of the next calls."""
_CHANGING = ("cannot be connected", "not covered", "could not agree")  # its words for a cluster that is not whole
_UNABLE = (
    foreign.ReadOnlyError,
    foreign.ClusterError,
    foreign.AskError,
    foreign.TryAgainError,
    foreign.SlotNotCoveredError,
)
_FULL = ("OOM", "MISCONF", "NOSPACE")
_REFUSED = ("NOAUTH", "WRONGPASS", "NOPERM")
_AWAY = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "BUSY", "TRYAGAIN", "MOVED", "ASK")


@contextmanager
def border(server: str) -> Iterator[None]:
    """Turn every error of the Redis client into a `StoreError`; `server` names the server in its message."""
    try:
        yield
    except _CLIENT_ERRORS as error:
        raise translated(error, server) from error
    except _ACCIDENTS as error:
        if not (_is_cluster(server) and _raised_in_client(error)):
            raise
        what = f"{type(error).__name__}: {error}"
        raise StoreDown(f"the cluster of the store at {server} is changing ({what})") from error


def translated(error: Exception, server: str) -> StoreError:
    """Return the store error that says what `error`, raised by the Redis client, means for the user."""
    if isinstance(error, foreign.RedisClusterException) and isinstance(error.__cause__, _CLIENT_ERRORS):
        return translated(error.__cause__, server)  # why no node of a cluster could be asked
    text = str(error)
    if isinstance(error, foreign.AuthenticationError | foreign.AuthorizationError | foreign.NoPermissionError):
        return _refused(server)
    if isinstance(error, foreign.OutOfMemoryError) or _mentions(text, _FULL):
        memory = isinstance(error, foreign.OutOfMemoryError) or _mentions(text, ("OOM",))
        return _full(text, f"{server}{_node(error)}", "memory" if memory else "disk")
    if _mentions(text, _REFUSED):
        return _refused(server)
    if isinstance(error, foreign.MovedError | foreign.AskError) and not _is_cluster(server):
        return StoreError(f"{server} is one node of a Redis Cluster ({text}); name it redis+cluster://HOST:PORT,…")
    if "Cluster mode is not enabled" in text:
        return StoreError(f"the store at {server} is no Redis Cluster; name a single server redis://HOST:PORT")
    if isinstance(error, MasterNotFoundError):
        return StoreDown(
            f"the sentinels of the store at {server} name no master now: it is failing over, they know it by another "
            "name, or none of them answers"
        )
    if isinstance(error, foreign.ConnectionError | foreign.TimeoutError):
        return StoreDown(f"the store at {server} does not answer ({text}); is a redis-server running there?")
    if isinstance(error, _UNABLE) or _mentions(text, _AWAY) or any(words in text for words in _CHANGING):
        return StoreDown(f"the store at {server} takes no writes now ({text})")
    if "unknown command 'SENTINEL'" in text or "unknown command `SENTINEL`" in text:
        return StoreError(f"what answers at {server} is no sentinel; name a single server redis://HOST:PORT")
    if "unknown command" in text.lower() or "unknown subcommand" in text.lower():
        return StoreVersion(f"the store at {server} lacks a command ({text}); longtake needs Redis 6.0 or newer")
    return StoreError(f"the store at {server} failed: {type(error).__name__}: {text}")


def _full(text: str, server: str, what: str) -> StoreFull:
    memory = "raise its maxmemory, or move old timelines out of it: longtake archive"
    advice = memory if what == "memory" else "make room where it keeps its append-only file"
    return StoreFull(f"the store at {server} has no {what} left ({text}); nothing was written; {advice}")


def _node(error: Exception) -> str:
    """Which node of a cluster said so, as far as the client tells."""
    node: Any = getattr(error, "connection", None)
    return f" (node {node.host}:{node.port})" if hasattr(node, "port") else ""


def _refused(server: str) -> StoreDown:
    return StoreDown(
        f"the store at {server} refused the password; give the right one, before the host in the URL or in the file "
        f"that {PASSWORD_FILE} names"
    )


def _is_cluster(server: str) -> bool:
    return "+cluster://" in server


def _raised_in_client(error: Exception) -> bool:
    frame, _ = list(walk_tb(error.__traceback__))[-1]
    return str(frame.f_globals.get("__name__", "")).startswith("redis.")


def _mentions(text: str, codes: tuple[str, ...]) -> bool:
    """Tell whether an error text carries one of the server's error codes; a script's error quotes them inside."""
    words = text.replace(":", " ").replace("-", " ").split()
    return any(code in words for code in codes)
