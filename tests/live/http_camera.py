"""A camera over HTTP: every request gets an answer that lasts until the server ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO

import av


@contextmanager
def answering(content_type: str, send: Callable[[BinaryIO, threading.Event], None], port: int = 0) -> Iterator[str]:
    """Serve on loopback while the block runs; yields the base URI.

    Args:
        send: writes an answer's body until the event is set.
    """
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            with suppress(OSError, av.FFmpegError):  # nobody looks any more
                send(self.wfile, over)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
