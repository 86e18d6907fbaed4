"""The bodies of requests are small, or refused."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024

_DETAIL = f"a body may have {MOST_BYTES // 1024} KiB, and this one has more"


class BodyLimitMiddleware:
    """Answers 413 to what says that it is too large, and stops reading what turns out to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told) > MOST_BYTES:
            await JSONResponse({"detail": _DETAIL}, 413, {"Connection": "close"})(scope, receive, send)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, bounded, send)
