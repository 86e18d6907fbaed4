"""Who asks, and what they may: read from the credentials of every request, before any route sees it.

A client shows its token as `Authorization: Bearer`, a page the cookie that `POST /api/login` gave it. Nobody is asked
where the server listens on loopback only and no token was ever made: who is on this machine may do everything.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from longtake.api.gate import Gate, Refused, Shown
from longtake.api.origin import check_host, check_origin, is_loopback
from pipeline import errors
from pipeline.clock import SystemClock
from pipeline.control.tokens import Role, Token, Tokens, matches
from pipeline.timeline.store import TimelineStore

COOKIE = "longtake_session"

_OPEN = ("/", "/healthz", "/readyz", "/api/version", "/api/login")
_NEVER_OPEN = ("/api/", "/docs/")
_OF_THE_PAGE = re.compile(r"(/[\w-]+)*/[\w.-]+\.(html|js|css|svg|png|ico|webmanifest|woff2)")
_READING = ("GET", "HEAD", "OPTIONS")


class NotThere(errors.NotThere):
    """There is no such stream, or none that whoever asks may know of: nobody can tell which."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"there is no stream {stream!r}; /api/streams lists those there are")


@dataclass(frozen=True, slots=True)
class Access:
    """What whoever asks may do.

    Attributes:
        role: a viewer asks, an operator changes streams too.
        patterns: of the names of the streams they may know of.
        token: theirs; None where nobody is asked for one.
    """

    role: Role
    patterns: tuple[str, ...]
    token: Token | None = None

    @classmethod
    def of(cls, token: Token) -> "Access":
        """What a token allows."""
        return cls(token.role, token.streams, token)

    def sees(self, stream: str) -> bool:
        """Tell whether they may know of a stream."""
        return matches(stream, self.patterns)

    def seen(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that they may know of."""
        return [name for name in names if self.sees(name)]

    def require(self, stream: str) -> None:
        """Make sure that they may know of a stream; whether there is one is for the caller to find out.

        Raises:
            NotThere: as for a stream that does not exist.
        """
        if not self.sees(stream):
            raise NotThere(stream)

    def permit(self, stream: str) -> None:
        """Make sure that they may add a stream of this name.

        Raises:
            HTTPException: 403.
        """
        if not self.sees(stream):
            names = ", ".join(self.patterns)
            raise HTTPException(403, f"your token is for streams named {names}; {stream!r} is none of them")


EVERYBODY = Access("operator", ("*",))
"""Where nobody is asked."""


async def access_of(request: Request) -> Access:
    """What whoever sent the request may do; a dependency of every route that tells of streams."""
    access: Access = request.state.access
    return access


async def operator(request: Request) -> Access:
    """The same, of an operator; a dependency of every route that changes something."""
    access = await access_of(request)
    if access.role != "operator":
        raise HTTPException(403, "your token is a viewer's; this takes one that was made with --role operator")
    return access


async def viewer_of_all(request: Request) -> Access:
    """The same, of somebody who may know of every stream; a dependency of what names them all, as metrics do."""
    access = await access_of(request)
    if "*" not in access.patterns:
        raise HTTPException(403, "your token is for some streams; this tells of all: longtake tokens add --streams '*'")
    return access


Seen: TypeAlias = Annotated[Access, Depends(access_of)]
Changes: TypeAlias = Annotated[Access, Depends(operator)]


def guard(app: FastAPI, store: TimelineStore, host: str) -> None:
    """Let nobody in who may not ask; CORS, where there is any, is added after this, so that it is asked first.

    Where nobody is asked for a token, requests must name this machine as their `Host`, as `http://127.0.0.1` does.

    Args:
        store: has the tokens.
        host: the address the server listens on.
    """
    app.state.gate = Gate(Tokens(store), asks_always=not is_loopback(host), clock=SystemClock())
    app.add_exception_handler(Refused, _told)
    app.add_middleware(AccessMiddleware, gate=app.state.gate)


async def _told(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return JSONResponse({"detail": refused.sentence}, refused.status, refused.headers)


class AccessMiddleware:
    """Sets `request.state.access`, or answers that the request is refused; what is open to all passes without.

    Everything is closed that is not named here as open, so that a new route is closed until somebody opens it.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at one request."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            scope.setdefault("state", {})["access"] = await self._access(HTTPConnection(scope))
        except Refused as refused:
            answer = await _told(Request(scope), refused)
            await answer(scope, receive, send)
        except errors.StoreError:  # its sentence names the server, which is for those only who may ask
            answer = JSONResponse({"detail": "the store does not answer now; try again"}, 503, {"Retry-After": "2"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _access(self, request: HTTPConnection) -> Access:
        if self._gate.stale:
            await run_in_threadpool(self._gate.read)
        shown = shown_by(request)
        token = self._gate.recall(shown)
        if token is None and self._gate.asks:
            token = await run_in_threadpool(self._gate.admit, shown, address_of(request))
        if token is None:
            check_host(request.headers)
        if request.scope["method"] not in _READING and (shown is None or shown.kind == "session"):
            check_origin(request.headers, by_cookie=shown is not None)
        return EVERYBODY if token is None else Access.of(token)


def is_open(path: str) -> bool:
    """Tell whether everybody may see a path: signs of life, the log-in, and the files of the page."""
    return path in _OPEN or (not path.startswith(_NEVER_OPEN) and _OF_THE_PAGE.fullmatch(path) is not None)


def shown_by(request: HTTPConnection) -> Shown | None:
    """Return the credentials of a request; those in a header count before a cookie."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return Shown("token", secret.strip())
    session = request.cookies.get(COOKIE)
    return Shown("session", session) if session else None


def address_of(request: HTTPConnection) -> str:
    """Return the address a request came from; empty where it has none, as over a socket of the file system."""
    return request.client.host if request.client else ""
