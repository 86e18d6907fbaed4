"""Serving the API and the page: one thread, bounded connections, nobody who is slow keeps anything."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed
from uvicorn.protocols.http.h11_impl import H11Protocol

from longtake.api.app import create_app
from longtake.api.settings import Backend
from pipeline.errors import EngineError, UsageError

CONNECTIONS = 900
"""More at the same time are refused with 503: each takes one of the 1,024 files that many systems allow a process."""

HEADER_BYTES = 64 * 1024
REQUEST_S = 10.0
"""A request must have come whole after so long, its body too."""
READ_S = 30.0
"""An answer that nobody reads on for so long is broken off."""

_IDLE_S = 15
_START_S, _STOP_S = 30.0, 3


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose patience ends; uvicorn itself waits for ever for the end of a request or of an answer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._coming: asyncio.TimerHandle | None = None
        self._going: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._coming = self.loop.call_later(REQUEST_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        whole = self.cycle is not None and not self.cycle.more_body
        if whole and self._coming is not None:
            self._coming.cancel()
            self._coming = None
        elif not whole and self._coming is None:
            self._coming = self.loop.call_later(REQUEST_S, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._going = self.loop.call_later(READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._going is not None:
            self._going.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._coming, self._going):
            if timer is not None:
                timer.cancel()


@contextmanager
def serving(backend: Backend) -> Iterator[str]:
    """Serve as long as the context lasts; yields the URL of the page.

    Raises:
        UsageError: the address is none of this machine, or the port is taken or not allowed.
        EngineError: it does not start.
    """
    listening = _listen(backend.settings.host, backend.settings.port)
    app = create_app(backend)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_STOP_S,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="api", daemon=True)
    thread.start()
    try:
        _await(server, thread)
        yield _url(listening)
    finally:
        app.state.hub.close()  # else the server would wait for those who listen
        server.should_exit = True
        thread.join(_START_S)
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)  # its own words tell the address again
        reason = os.strerror(number) if number and number > 0 else str(error)
        raise UsageError(f"the page cannot be served on {host}:{port} ({reason}); give another port") from error
    # asyncio does so for sockets it has made itself; without, the body of an answer waits 40 ms for the head's receipt
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _await(server: uvicorn.Server, thread: threading.Thread) -> None:
    patience = Retrying(
        retry=retry_if_result(lambda over: not over),
        stop=stop_after_delay(_START_S),
        wait=wait_fixed(0.02),
        retry_error_callback=lambda _: None,
    )
    patience(lambda: server.started or not thread.is_alive())
    if not server.started:
        raise EngineError("the API did not start; what is written above says why")


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
