"""Servers on loopback that misbehave in one way each."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[bytes], bytes | None]


def silence(request: bytes) -> bytes | None:
    """Say nothing, ever."""
    return b""


def http(status: str, headers: str = "", body: bytes = b"") -> Answer:
    """Answer every request with `status`."""
    return lambda request: f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + body


def rtsp(status: str, headers: str = "") -> Answer:
    """Answer every request with `status` and its own sequence number."""

    def answer(request: bytes) -> bytes:
        sequence = re.search(rb"CSeq: (\d+)", request)
        number = sequence[1].decode() if sequence else "1"
        return f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{headers}\r\n".encode()

    return answer


def hang_up(request: bytes) -> bytes | None:
    """Close the connection."""
    return None


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """Listen on a free port of loopback while the block runs, and yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = [listener]

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):
            while request := connection.recv(65536):
                reply = answer(request)
                if reply is None:
                    connection.close()
                    return
                connection.sendall(reply)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_sockets.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for one in open_sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
