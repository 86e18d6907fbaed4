"""The process that decodes for a reader: `python -m pipeline.frames.child SOCKET PARENT`. It speaks when asked."""

import mmap
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from pipeline.clock import SystemClock
from pipeline.decode import DecodeStats, VideoPicture
from pipeline.errors import SourceError, SourceUnreadable
from pipeline.frames.confine import confine, die_with_parent
from pipeline.frames.here import opened_here
from pipeline.frames.order import Opened, Order
from pipeline.frames.wire import (
    MOST_ORDER,
    MOST_TEXT,
    OPENED,
    PICTURE,
    SHAPE,
    SIDES,
    VECTORS,
    Kind,
    Wire,
    pack_fault,
    pack_frame,
    unpack_picture,
)
from pipeline.values import DecodedFrame

BYTES_PER_PIXEL = 3
_ASKED = {Kind.NEXT: 0, Kind.PICTURE: PICTURE.size, Kind.VECTORS: VECTORS.size, Kind.SHAPE: SHAPE.size}


class Serving:
    """Answers for one open source.

    While a frame is decoded the one before it and the last good one are held, just as a reader in this process would.
    It matters: what a damaged frame leaves unpainted shows what lay in its memory before.
    """

    def __init__(self, wire: Wire, uri: str, opened: Opened, stats: DecodeStats) -> None:
        self._wire = wire
        self._uri = uri
        self._frames: Iterator[DecodedFrame] = opened.frames
        self._stats = stats
        self._notes = 0
        self._failed = 0
        self._count = 0
        self._held: dict[int, DecodedFrame] = {}
        self._largest = 0  # pixels of a picture

    def run(self) -> None:
        """Answer until the reader hangs up."""
        while True:
            try:
                kind, content = self._wire.receive(_ASKED)
            except EOFError:
                return
            if kind is Kind.NEXT:
                self._next()
            elif kind is Kind.PICTURE:
                number, height, width, scaling = unpack_picture(content)
                self._answer(Kind.PIXELS, partial(self._held[number].picture.rgb, height, width, scaling))
            elif kind is Kind.SHAPE:
                (number,) = SHAPE.unpack(content)
                self._wire.send(Kind.SIDES, SIDES.pack(*self._held[number].picture.shape))
            else:
                number, height, width = VECTORS.unpack(content)
                self._answer(Kind.FIELD, partial(self._held[number].picture.vectors, height, width))

    def _next(self) -> None:
        self._let_go()
        try:
            frame = next(self._frames, None)
            self._check_memory()
        except SourceError as error:
            kind, content = Kind.FAULT, pack_fault(error)
        else:
            kind, content = (Kind.FRAME, pack_frame(frame, self._stats.failed)) if frame else (Kind.END, b"")
            if frame:
                self._take(frame)
        for sentence in self._stats.errors[self._notes :]:
            self._wire.send(Kind.NOTE, sentence.encode()[:MOST_TEXT])
        self._notes = len(self._stats.errors)
        self._wire.send(kind, content)

    def _let_go(self) -> None:
        good = [number for number, frame in self._held.items() if not frame.corrupt]
        kept = {*good[-1:], self._count - 1}
        self._held = {number: frame for number, frame in self._held.items() if number in kept}

    def _take(self, frame: DecodedFrame) -> None:
        assert isinstance(frame.picture, VideoPicture)
        self._largest = max(self._largest, frame.picture.pixels)
        self._held[self._count] = frame
        self._count += 1

    def _check_memory(self) -> None:
        """Decoders tell a lack of memory as a damaged packet; whether there is room for a picture tells them apart."""
        if self._stats.failed > self._failed and not _room_for(BYTES_PER_PIXEL * self._largest):
            raise SourceUnreadable(f"decoding {self._uri} takes more memory than source.memory_bytes")
        self._failed = self._stats.failed

    def _answer(self, kind: Kind, convert: Callable[[], NDArray[Any]]) -> None:
        try:
            converted = convert()
        except SourceError as error:
            self._wire.send(Kind.FAULT, pack_fault(error))
        else:
            self._wire.send(kind, converted.tobytes())


def _room_for(size: int) -> bool:
    try:
        mmap.mmap(-1, max(1, size)).close()
    except OSError:
        return False
    return True


def serve(wire: Wire) -> None:
    """Take an order and answer for it."""
    order = Order.from_json(bytes(wire.receive({Kind.ORDER: MOST_ORDER})[1]))
    confine(order.settings.memory_bytes)
    stats = DecodeStats()
    try:
        with opened_here(order, stats, SystemClock()) as opened:
            duration_s = float("nan") if opened.duration_s is None else opened.duration_s
            wire.send(Kind.OPENED, OPENED.pack(opened.live, duration_s))
            Serving(wire, order.uri, opened, stats).run()
    except SourceError as error:
        wire.send(Kind.FAULT, pack_fault(error))


def main() -> None:
    """Serve the reader at the other end of the given socket."""
    descriptor, parent = map(int, sys.argv[1:])
    die_with_parent()
    if os.getppid() != parent:
        return  # it was gone before it could take us with it
    wire = Wire(socket.socket(fileno=descriptor))

    def last_words(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
        """Without the message, which may hold the URI."""
        place = traceback.extract_tb(tb)[-1]
        said = "memory" if issubclass(kind, MemoryError) else f"{kind.__name__} at {place.name}:{place.lineno}"
        wire.send(Kind.FAULT, bytes([255]) + said.encode())

    sys.excepthook = last_words
    try:
        serve(wire)
    except (BrokenPipeError, ConnectionResetError):
        return  # the reader has hung up


if __name__ == "__main__":
    main()
