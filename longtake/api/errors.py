"""Every error as `{"detail": "one sentence"}`: longtake's own, FastAPI's, and those that nobody expected."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.log import logger
from longtake.api.gate import Refused
from longtake.api.methods import tell_methods
from longtake.wording import plain
from pipeline.errors import AlreadyThere, LongtakeError, NotThere, StoreError, UsageError, redact

AWAY_S = 2
"""Seconds after which what is away may be asked again."""

_STATUS: tuple[tuple[type[LongtakeError], int], ...] = (
    (NotThere, 404),
    (AlreadyThere, 409),
    (UsageError, 422),
    (StoreError, 503),
)
_SHOWN = 100  # characters of a value that is refused


def tell_errors(app: FastAPI) -> None:
    """Answer the errors of routes; those of the whole are `Border`'s."""
    app.add_exception_handler(LongtakeError, _ours)
    app.add_exception_handler(RequestValidationError, _not_allowed)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(405, tell_methods)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return _answer(status, str(error))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return JSONResponse({"detail": error.sentence}, error.status, error.headers)


async def _not_allowed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _answer(422, redact("; ".join(_complaint(one) for one in error.errors())))


def _complaint(one: Any) -> str:
    """One mistake in a request, in the words that the config's mistakes have."""
    where, kind = ".".join(str(part) for part in one["loc"][1:]) or "the body", one["type"]
    if kind == "json_invalid":
        return f"the body is not JSON: {one['ctx']['error']}"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        return f"unknown name {where!r}; /docs lists those there are"
    if kind == "value_error":
        return str(one["ctx"]["error"])
    return f"{where} {plain(one['msg'])}, got {_short(one['input'])}"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _answer(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, {"Retry-After": str(AWAY_S)} if status == 503 else None)


class Border:
    """The outermost of the application: what nobody expected becomes a 500, and what the framework says our sentence.

    A traceback goes to the log, without the secrets of the URLs in it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        words = _Words(send)
        try:
            await self._app(scope, receive, words.send)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends here
            logger().exception("a request failed", path=scope["path"])
            if words.begun:
                raise ConnectionError("an answer broke off") from None  # ends the connection
            await _answer(500, f"this failed ({type(error).__name__}); the server's log says more")(
                scope, receive, send
            )


class _Words:
    """Puts an error that comes as plain text into a document."""

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self.begun = False
        self._send = send
        self._held: Message | None = None

    async def send(self, message: Message) -> None:
        self.begun = True
        if message["type"] == "http.response.start" and _is_plain_error(message):
            self._held = message
            return
        if self._held is not None:
            message = self._translated(message)
            await self._send(self._held)
            self._held = None
        await self._send(message)

    def _translated(self, message: Message) -> Message:
        assert self._held is not None
        answer = _answer(self._held["status"], message.get("body", b"").decode() or "this cannot be answered")
        kept = [pair for pair in self._held["headers"] if pair[0] not in (b"content-type", b"content-length")]
        self._held["headers"] = [*kept, *answer.raw_headers]
        return {"type": "http.response.body", "body": answer.body}


def _is_plain_error(message: Message) -> bool:
    return message["status"] >= 400 and Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
