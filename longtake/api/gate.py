"""Whose credentials these are: the tokens of the store, read again once a second."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from longtake.api.limits import FailureLimit, Failures
from pipeline.clock import Clock
from pipeline.control.tokens import Token, Tokens, digest_of, of_digest

TOLD_S = 1.0
"""A token that is removed is refused after so long at the latest."""

_MOST_REMEMBERED = 4096


class Refused(Exception):
    """A request that is answered without having been looked at.

    Attributes:
        status: 401, 403 or 429.
        sentence: why, and what to do.
        headers: of the answer.
    """

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: the secret of a token, or of a session that was begun with one."""

    kind: Literal["token", "session"]
    secret: str = field(repr=False)


class Gate:
    """Tells tokens from guesses; safe to share between threads.

    Args:
        tokens: those of the store.
        asks_always: a token is wanted even while there is none yet.
    """

    def __init__(self, tokens: Tokens, asks_always: bool, clock: Clock, limit: FailureLimit | None = None) -> None:
        self.tokens = tokens
        self._asks_always = asks_always
        self._clock = clock
        self._failures = Failures(limit or FailureLimit(), clock)
        self._lock = threading.Lock()
        self._known: list[Token] = []
        self._read_s = -TOLD_S
        self._fresh: OrderedDict[str, Token] = OrderedDict()  # since the tokens were read, by digest of what was shown
        self._trusted: OrderedDict[str, None] = OrderedDict()  # what was once accepted is no guess

    def read(self) -> None:
        """Read the tokens, if that was too long ago. May raise a `StoreError`."""
        if self.stale:
            known, read_s = self.tokens.all(), self._clock.monotonic_s()
            with self._lock:
                self._known, self._read_s = known, read_s
                self._fresh.clear()

    @property
    def stale(self) -> bool:
        """The tokens are to be read again."""
        return self._clock.monotonic_s() - self._read_s >= TOLD_S

    @property
    def asks(self) -> bool:
        """A token is wanted."""
        return self._asks_always or bool(self._known)

    def recall(self, shown: Shown | None) -> Token | None:
        """Return what `admit` has said of the same credentials since the tokens were read, or None."""
        if shown is None:
            return None
        with self._lock:
            return self._fresh.get(_key(shown))

    def admit(self, shown: Shown | None, address: str) -> Token:
        """Return the token of a request's credentials. May read a session, and raise a `StoreError`.

        An address that failed too often is not listened to for a while, unless it shows what was accepted before.

        Raises:
            Refused: there are none, they are none of ours, or the address has to wait.
        """
        if shown is None:
            raise Refused(401, _missing(bool(self._known)), **{"WWW-Authenticate": "Bearer"})
        key = _key(shown)
        if key not in self._trusted and (wait_s := self._failures.wait_s(address)):
            sentence = f"too many wrong tokens from your address; try again in {wait_s} s"
            raise Refused(429, sentence, **{"Retry-After": str(wait_s)})
        digest = digest_of(shown.secret) if shown.kind == "token" else self.tokens.session(shown.secret)
        token = None if digest is None else of_digest(self._known, digest)
        if token is None:
            self._failures.add(address)
            sentence = "this token is none, or was removed; longtake tokens add makes one"
            if shown.kind == "session":
                sentence = "you are logged out, or your token was removed; log in again"
            raise Refused(401, sentence, **{"WWW-Authenticate": "Bearer"})
        self._remember(key, token)
        return token

    def still(self, token: Token) -> bool:
        """Tell whether a token is what it was when it was admitted."""
        return token in self._known

    def forget(self, shown: Shown) -> None:
        """Ask the store again, the next time these credentials are shown."""
        with self._lock:
            self._fresh.pop(_key(shown), None)
            self._trusted.pop(_key(shown), None)

    def _remember(self, key: str, token: Token) -> None:
        with self._lock:
            self._fresh[key] = token
            self._trusted[key] = None
            for memory in (self._fresh, self._trusted):
                if len(memory) > _MOST_REMEMBERED:
                    memory.popitem(last=False)


def _key(shown: Shown) -> str:
    return f"{shown.kind} {digest_of(shown.secret)}"


def _missing(some: bool) -> str:
    if some:
        return "a token is wanted: send Authorization: Bearer TOKEN, or log in on the page"
    return "this server can be reached from other machines and has no tokens yet; make one: longtake tokens add NAME"
