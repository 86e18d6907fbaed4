"""ETags: an answer that whoever asks has already is not sent again."""

from hashlib import blake2b

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EtagMiddleware:
    """Gives every whole answer a weak digest of its bytes, and answers 304 to who shows the same one.

    What is streamed, and what has an ETag of its own, passes as it is. Who has an answer asks again whether it still
    holds: nothing is kept by anybody between.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            await self._app(scope, receive, _Tagging(scope, receive, send).send)
        else:
            await self._app(scope, receive, send)


class _Tagging:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Hold the head of an answer until its body has come."""
        if message["type"] == "http.response.start" and _may_be_tagged(message):
            self._start = message
            return
        if self._start is not None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                tag = f'W/"{blake2b(message["body"], digest_size=12).hexdigest()}"'
                if await self._has(tag):
                    return
            await self._send(self._start)
            self._start = None
        await self._send(message)

    async def _has(self, tag: str) -> bool:
        """Note the tag on the answer; say that nothing has changed where that is so."""
        assert self._start is not None
        headers = MutableHeaders(raw=self._start["headers"])
        headers["etag"] = tag
        headers.setdefault("cache-control", "private, no-cache")
        if not _shown(Headers(scope=self._scope).get("if-none-match", ""), tag):
            return False
        kept = {name: value for name, value in headers.items() if not name.startswith("content-")}
        await Response(status_code=304, headers=kept)(self._scope, self._receive, self._send)
        return True


def _may_be_tagged(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and "etag" not in headers and headers.get("cache-control") != "no-store"


def _shown(header: str, tag: str) -> bool:
    """Tell whether `If-None-Match` names the tag; weak or strong, it is the same answer."""
    shown = {one.strip().removeprefix("W/") for one in header.split(",")}
    return "*" in shown or tag.removeprefix("W/") in shown
