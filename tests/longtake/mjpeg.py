"""A camera over HTTP: tiny JPEG pictures, 25 a second or as many as are wanted, for as long as anybody looks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import cv2
import numpy as np

from tests.live.http_camera import answering

FPS = 25


@contextmanager
def camera(fps: float = FPS, port: int = 0) -> Iterator[str]:
    """Serve while the block runs; yields the camera's URI, to which a path may be added."""
    pictures = [_jpeg(shade) for shade in (40, 120, 200)]

    def send(wire: BinaryIO, over: threading.Event) -> None:
        number = 0
        while not over.wait(1 / fps):
            picture = pictures[number % len(pictures)]
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            wire.write(head.encode() + picture + b"\r\n")
            number += 1

    with answering("multipart/x-mixed-replace; boundary=picture", send, port) as uri:
        yield uri


def _jpeg(shade: int) -> bytes:
    done, data = cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))
    assert done
    return data.tobytes()
