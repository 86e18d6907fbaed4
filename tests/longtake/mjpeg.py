"""A camera over HTTP: tiny JPEG pictures, 25 a second or as many as are wanted, for as long as anybody looks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

FPS = 25


@contextmanager
def camera(fps: float = FPS, port: int = 0) -> Iterator[str]:
    """Serve while the block runs; yields the camera's URI, to which a path may be added."""
    over = threading.Event()
    pictures = [_jpeg(shade) for shade in (40, 120, 200)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            number = 0
            with suppress(OSError):  # nobody looks any more
                while not over.wait(1 / fps):
                    picture = pictures[number % len(pictures)]
                    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")
                    number += 1

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


def _jpeg(shade: int) -> bytes:
    done, data = cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))
    assert done
    return data.tobytes()
