"""Who receives webhooks: a real HTTP server that answers what a test tells it to."""

import json
import queue
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request; `at_s` are monotonic seconds when all of it was there."""

    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]
    at_s: float
    document: dict[str, Any] = field(repr=False)


class Receiver:
    """Keeps what it receives in `received`; answers `answers` in turn, then 204.

    An answer is a status, or one of `hang` (until `release` is set) and `drip` (a header that never ends).
    """

    def __init__(self, port: int = 0) -> None:
        self.received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self.answers: list[int | str] = []
        self.release = threading.Event()
        self._connections: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def next(self) -> Received:
        return self.received.get(timeout=20)

    def bodies(self) -> list[bytes]:
        found = []
        while not self.received.empty():
            found.append(self.received.get().body)
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at_s = time.monotonic()
                answer = receiver.answers.pop(0) if receiver.answers else 204
                place = self.client_address
                receiver.received.put(Received(dict(self.headers), body, place, at_s, json.loads(body)))
                if answer == "hang":
                    receiver.release.wait(20)
                    self.close_connection = True
                elif answer == "drip":
                    self.wfile.write(b"HTTP/1.1 204 No Content\r\nX: ")
                    while not receiver.release.wait(0.01):
                        self.wfile.write(b"x")
                else:
                    self.send_response(int(answer))
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def handle(self) -> None:
                receiver._connections.append(self.connection)
                with suppress(OSError):  # whoever told it something did not wait for the end of the answer
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
