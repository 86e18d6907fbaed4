"""Where errors of the Redis client become longtake's own. Nothing else of the client's leaves this package."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis.exceptions as foreign

from pipeline.errors import StoreDown, StoreError, StoreFull, StoreVersion

_CLIENT_ERRORS = (
    foreign.RedisError,
    foreign.RedisClusterException,
    foreign.ChildDeadlockedError,
    foreign.IncorrectPolicyType,
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


def translated(error: Exception, server: str) -> StoreError:
    """Return the store error that says what `error`, raised by the Redis client, means for the user."""
    text = str(error)
    if isinstance(error, foreign.AuthenticationError | foreign.AuthorizationError | foreign.NoPermissionError):
        return _refused(server)
    if isinstance(error, foreign.OutOfMemoryError) or _mentions(text, _FULL):
        return StoreFull(f"the store at {server} has no memory or disk left ({text}); nothing was written; free some")
    if _mentions(text, _REFUSED):
        return _refused(server)
    if isinstance(error, foreign.ConnectionError | foreign.TimeoutError):
        return StoreDown(f"the store at {server} does not answer ({text}); is a redis-server running there?")
    if isinstance(error, foreign.ReadOnlyError | foreign.ClusterError) or _mentions(text, _AWAY):
        return StoreDown(f"the store at {server} takes no writes now ({text})")
    if "unknown command" in text.lower() or "unknown subcommand" in text.lower():
        return StoreVersion(f"the store at {server} lacks a command ({text}); longtake needs Redis 6.0 or newer")
    return StoreError(f"the store at {server} failed: {type(error).__name__}: {text}")


def _refused(server: str) -> StoreDown:
    return StoreDown(f"the store at {server} refused the password; give the right one: redis://:PASSWORD@HOST:PORT")


def _mentions(text: str, codes: tuple[str, ...]) -> bool:
    """Tell whether an error text carries one of the server's error codes; a script's error quotes them inside."""
    words = text.replace(":", " ").replace("-", " ").split()
    return any(code in words for code in codes)
