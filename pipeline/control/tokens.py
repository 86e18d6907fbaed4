"""Who may ask: tokens, and the sessions that pages make of them. The store holds digests only.

A secret is 256 random bits, so nobody finds one that has a given SHA-256, or guesses one. A slow hash makes up for the
words that people choose; here it would only slow every request down.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, get_args

from pipeline.errors import UsageError
from pipeline.source.names import check_name
from pipeline.timeline.keys import TOKENS, session_key
from pipeline.timeline.store import TimelineStore

Role: TypeAlias = Literal["viewer", "operator"]
"""A viewer asks; an operator changes streams too."""

SESSION_S = 7 * 24 * 3600
"""After so long a page asks for its token again."""

_PREFIX = "lt_"  # by which a leaked one is recognised


@dataclass(frozen=True, slots=True)
class Token:
    """What one token allows.

    Attributes:
        streams: patterns of the names it reaches, as `dock-*`.
        digest: SHA-256 of its secret, in hexadecimal.
        made_s: unix seconds.
    """

    name: str
    role: Role
    streams: tuple[str, ...]
    digest: str = field(repr=False)
    made_s: float

    def __post_init__(self) -> None:
        check_name(self.name, "token")
        if self.role not in get_args(Role):
            raise UsageError(f"unknown role {self.role!r}; choose one of {', '.join(get_args(Role))}")
        if not self.streams or not all(self.streams):
            raise UsageError("a token reaches at least one stream; give patterns of names, as 'dock-*', or '*' for all")


class Tokens:
    """Reads and writes tokens; safe to share between threads. Every method may raise a `StoreError`.

    Args:
        store: whose server they live in; stays the caller's to close.
    """

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._client: Any = store.client

    def add(self, name: str, role: Role, streams: Sequence[str], made_s: float) -> str:
        """Make a token and return its secret, which nobody can look up later.

        Raises:
            UsageError: a value that is not allowed, or the name is taken.
        """
        secret = _PREFIX + secrets.token_urlsafe(32)
        token = Token(name, role, tuple(streams), digest_of(secret), made_s)
        content = {"role": token.role, "streams": token.streams, "digest": token.digest, "made_s": token.made_s}
        with self._store.border():
            added = self._client.hsetnx(TOKENS, name, json.dumps(content))
        if not added:
            raise UsageError(f"there is a token {name!r} already; choose another name, or remove it first")
        return secret

    def remove(self, name: str) -> None:
        """Forget a token; its sessions end with it.

        Raises:
            UsageError: there is none of that name.
        """
        with self._store.border():
            removed = self._client.hdel(TOKENS, name)
        if not removed:
            names = ", ".join(token.name for token in self.all()) or "none yet"
            raise UsageError(f"there is no token {name!r}; there are: {names}")

    def all(self) -> list[Token]:
        """Return all tokens by name."""
        with self._store.border():
            found = self._client.hgetall(TOKENS)
        return [_token(name.decode(), text) for name, text in sorted(found.items())]

    def begin_session(self, token: Token) -> str:
        """Let a page ask as `token` for `SESSION_S`; return the session's secret."""
        secret = secrets.token_urlsafe(32)
        with self._store.border():
            self._client.set(session_key(digest_of(secret)), token.digest, ex=SESSION_S)
        return secret

    def end_session(self, secret: str) -> None:
        """Forget a session; one that is not there is none to forget."""
        with self._store.border():
            self._client.unlink(session_key(digest_of(secret)))

    def session(self, secret: str) -> str | None:
        """Return the digest of the token that a session was begun with, or None where it is over."""
        with self._store.border():
            digest = self._client.get(session_key(digest_of(secret)))
        return None if digest is None else str(digest.decode())


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def of_digest(tokens: Iterable[Token], digest: str) -> Token | None:
    """Return the token of a digest; how long that takes tells nothing of those it is compared with."""
    found = [token for token in tokens if hmac.compare_digest(token.digest, digest)]
    return found[0] if found else None


def matches(stream: str, patterns: Iterable[str]) -> bool:
    """Tell whether a stream's name is one of those that the patterns mean; `*`, `?` and `[…]` as in file names."""
    return any(fnmatchcase(stream, pattern) for pattern in patterns)


def _token(name: str, text: bytes) -> Token:
    content = json.loads(text)
    return Token(name, content["role"], tuple(content["streams"]), content["digest"], content["made_s"])
