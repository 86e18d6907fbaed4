"""`/api/live`: what happens, as server-sent events."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from longtake.api import positions
from longtake.api.access import Seen
from longtake.api.common import Served
from longtake.api.documents import faults
from longtake.api.hub import Hub
from longtake.api.listener import Listener
from longtake.api.look import Describe
from longtake.api.messages import HEARTBEAT, Interest, ready
from longtake.api.questions import Names, chosen_labels
from longtake.known_streams import known_names
from pipeline.errors import StoreError
from pipeline.timeline.pages import matching
from pipeline.timeline.store import TimelineStore

HEARTBEAT_S = 15.0
"""The longest silence."""
MOST_LISTENERS = 1000

_RETRY = b"retry: 2000\n\n"  # milliseconds after which a browser comes back
_SEND_S = 20.0  # a client that takes nothing for so long is gone
_MOST_ID = 8192

router = APIRouter(tags=["live"])


class Listening(BaseModel):
    """What a live client wants to be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stream: Names = Field(default=[], description="names or patterns as `dock-*`, also with commas; all by default")
    label: Names = Field(default=[], description="of segments, also with commas; all by default")


def lively(app: FastAPI, store: TimelineStore, describe: Describe) -> Hub:
    """Give the application a hub; it is to be closed before the store, and before the server waits for its clients.

    Args:
        describe: the documents of all streams, by name.
    """
    hub = app.state.hub = Hub(store, describe)
    return hub


class LiveEvents(Response):
    """An answer that lasts until the client leaves, is too slow, or may not ask any more.

    Args:
        last_id: the last event the client has seen, empty for none.
        allowed: tells whether it may still ask; looked at with every heartbeat.
    """

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, interest: Interest, last_id: str, allowed: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._interest = interest
        self._last_id = last_id
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell one client what happens."""
        listener, here = self._hub.join(self._interest)
        gone = asyncio.create_task(_close_when_gone(receive, listener))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with asyncio.timeout(_SEND_S):
                await _write(send, _RETRY + await self._begin(here))
            while not listener.closed:
                content = await listener.next(HEARTBEAT_S)
                if not content and not await self._allowed():
                    break
                async with asyncio.timeout(_SEND_S):
                    await _write(send, content or HEARTBEAT)
            async with asyncio.timeout(_SEND_S):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # an answer that breaks off: the server ends the connection
        finally:
            gone.cancel()
            self._hub.leave(listener)

    async def _begin(self, here: Mapping[str, str]) -> bytes:
        """What the client has missed since its last event, as far as that can be told."""
        since = positions.unpack(self._last_id, here) if self._last_id else None
        missed = None
        if since is not None:
            try:
                missed = await run_in_threadpool(self._hub.missed, since, here, self._interest)
            except StoreError:
                missed = None
        if missed is None:
            return ready(False, positions.pack(here))
        return ready(True, "") + b"".join(message.content for message in missed)


@router.get(
    "/api/live",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **faults(404)},
)
def live(
    request: Request,
    asked: Annotated[Listening, Query()],
    backend: Served,
    access: Seen,
    last_event_id: Annotated[str, Header(max_length=_MOST_ID, description="where to go on")] = "",
) -> Response:
    """Segments that open, grow and close, gaps and states of streams, as server-sent events.

    `ready` comes first: `resumed` tells whether everything since `Last-Event-ID` follows; where it does not, ask
    /api/timeline for what is older. Events are `segment` (`change`: opened, updated or closed), `gap` and `stream`.
    """
    hub: Hub = request.app.state.hub
    if hub.listeners >= MOST_LISTENERS:
        raise HTTPException(503, f"{MOST_LISTENERS} clients listen already; try again later", {"Retry-After": "10"})
    patterns = tuple(part.strip() for one in asked.stream for part in one.split(",") if part.strip())
    names = matching(access.seen(known_names(backend.store)), patterns)
    labels = chosen_labels(asked.label, backend.store, list(names))
    hub.start()
    interest = Interest(access.patterns, patterns, None if labels is None else frozenset(labels))
    gate, token = request.app.state.gate, access.token

    async def allowed() -> bool:
        if gate.stale:
            try:
                await run_in_threadpool(gate.read)
            except StoreError:
                return True  # nobody can tell; the next heartbeat asks again
        return gate.still(token) if token else not gate.asks

    return LiveEvents(hub, interest, last_event_id, allowed)


async def _write(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _close_when_gone(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()
