"""Frames decoded in a process of their own, which is believed nothing."""

import math
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import numpy as np

from pipeline.decode import DecodeStats
from pipeline.decode.stats import MAX_ERRORS
from pipeline.errors import SourceCrashed, SourceError, SourceTimeout, redact
from pipeline.frames.order import Opened, Order
from pipeline.frames.start import COMMAND, started
from pipeline.frames.wire import (
    FRAME,
    MOST_TEXT,
    OPENED,
    SHAPE,
    SIDES,
    VECTORS,
    Facts,
    Garbled,
    Kind,
    pack_picture,
    text_of,
    unpack_fault,
    unpack_frame,
)
from pipeline.values import DecodedFrame, Float16Array, Scaling, UInt8Array

LONGEST_STEP_S = 301.0  # from one frame of an epoch to the next: the media clock holds three frames of the slowest rate
FARTHEST_S = 1e9
GONE_S = 5.0

_NEXT = {Kind.NOTE: MOST_TEXT, Kind.FRAME: FRAME.size, Kind.END: 0, Kind.FAULT: MOST_TEXT}


class Apart:
    """One source, opened and decoded by a child process; to be used and closed by the thread that made it.

    Args:
        stats: filled while frames are taken, without `stamps`.
        command: starts the child; the socket's number and this process's id are added.

    Raises:
        SourceError: it cannot be started.
    """

    def __init__(self, order: Order, stats: DecodeStats, command: Sequence[str] = COMMAND) -> None:
        self._order = order
        self._stats = stats
        self._uri = redact(order.uri)
        self._limit_s = order.settings.silence_s + order.settings.read_timeout_s
        self._failed_before = stats.failed  # in the connections before this one
        self._notes = 0
        self._count = 0
        self._held: _Picture | None = None
        self._closed = False
        self._wire, self._process = started(command)

    @property
    def pid(self) -> int:
        """The child."""
        return self._process.pid

    def open(self) -> Opened:
        """Have the source opened.

        Raises:
            SourceError: it cannot be, or the child failed.
        """
        self._send(Kind.ORDER, self._order.to_json())
        limit_s = self._order.settings.silence_s + self._order.settings.open_timeout_s
        kind, content = self._receive({Kind.OPENED: OPENED.size, Kind.FAULT: MOST_TEXT}, limit_s)
        if kind is Kind.FAULT:
            self._raise(content)
        if len(content) != OPENED.size:
            self._fail("sent nonsense")
        live, duration_s = OPENED.unpack(content)
        return Opened(live, duration_s if math.isfinite(duration_s) else None, self._frames())

    def close(self) -> None:
        """End the child. The last good picture is fetched before, for whoever still holds its frame."""
        if self._closed:
            return
        try:
            if self._held is not None:
                self._order.fetch(self._held)
        except SourceError:
            pass  # the picture says so when it is asked
        finally:
            self._end()

    def pixels(self, number: int, height: int, width: int, scaling: Scaling | None) -> UInt8Array:
        """Return a picture the child still holds.

        Raises:
            SourceError: it cannot be converted, or the child is gone.
        """
        asked = pack_picture(number, height, width, scaling)
        content = self._of_picture(Kind.PICTURE, asked, Kind.PIXELS, height * width * 3)
        return np.frombuffer(content, np.uint8).reshape(height, width, 3)

    def field(self, number: int, height: int, width: int) -> Float16Array:
        """Return the motion vectors of a picture the child still holds.

        Raises:
            SourceError: there are none, or the child is gone.
        """
        asked = VECTORS.pack(number, height, width)
        content = self._of_picture(Kind.VECTORS, asked, Kind.FIELD, height * width * 4)
        field = np.frombuffer(content, np.float16).reshape(2, height, width)
        if not (np.abs(field) <= max(height, width)).all():  # nor NaN
            self._fail("sent nonsense")
        return field

    def shape(self, number: int) -> tuple[int, int]:
        """Return height and width of a picture the child still holds.

        Raises:
            SourceError: the child is gone.
        """
        height, width = SIDES.unpack(self._of_picture(Kind.SHAPE, SHAPE.pack(number), Kind.SIDES, SIDES.size))
        if not (height and width):
            self._fail("sent nonsense")
        return height, width

    def _of_picture(self, asked: Kind, content: bytes, answer: Kind, size: int) -> bytearray:
        if self._closed:
            raise SourceCrashed(f"a picture of {self._uri} is lost with the process that decoded it")
        self._send(asked, content)
        kind, got = self._receive({answer: size, Kind.FAULT: MOST_TEXT}, self._limit_s)
        if kind is Kind.FAULT:
            self._raise(got)
        if len(got) != size:
            self._fail("sent nonsense")
        return got

    def _frames(self) -> Iterator[DecodedFrame]:
        last: Facts | None = None
        while True:
            self._send(Kind.NEXT)
            kind, content = self._receive(_NEXT, self._limit_s)
            while kind is Kind.NOTE:
                self._note(content)
                kind, content = self._receive(_NEXT, self._limit_s)
            if kind is Kind.END:
                return
            if kind is Kind.FAULT:
                self._raise(content)
            try:
                facts, failed = unpack_frame(content)
            except Garbled:
                self._fail("sent nonsense")
            self._stats.failed = self._failed_before + failed
            if not _follows(facts, last, self._order.epoch):
                self._fail("sent nonsense")
            last = facts
            yield self._frame(facts)

    def _note(self, content: bytearray) -> None:
        self._notes += 1
        if self._notes > MAX_ERRORS:
            self._fail("sent nonsense")
        self._stats.note(redact(text_of(content)))

    def _frame(self, facts: Facts) -> DecodedFrame:
        picture = _Picture(self, self._count)
        self._count += 1
        self._stats.frames_decoded += 1
        self._stats.corrupt += facts.corrupt
        if not facts.corrupt:
            self._held = picture
        return DecodedFrame(
            epoch=facts.epoch,
            pts_s=facts.pts_s,
            duration_s=facts.duration_s,
            wall_s=facts.wall_s,
            corrupt=facts.corrupt,
            picture=picture,
            skipped_s=facts.skipped_s,
            skip_reason=facts.skip_reason,
        )

    def _send(self, kind: Kind, content: bytes = b"") -> None:
        try:
            self._wire.send(kind, content)
        except TimeoutError:
            self._silent(self._limit_s)
        except OSError:
            self._died()

    def _receive(self, allowed: Mapping[Kind, int], limit_s: float) -> tuple[Kind, bytearray]:
        try:
            return self._wire.receive(allowed, limit_s)
        except TimeoutError:
            self._silent(limit_s)
        except Garbled:
            self._fail("sent nonsense")
        except (EOFError, OSError):
            self._died()

    def _raise(self, content: bytearray) -> NoReturn:
        """Raise what the child said."""
        if content[:1] == b"\xff":
            said = text_of(content[1:])
            self._fail("took more than source.memory_bytes" if said == "memory" else f"met a bug: {said}")
        try:
            error = unpack_fault(content)
        except Garbled:
            self._fail("sent nonsense")
        raise error

    def _silent(self, limit_s: float) -> NoReturn:
        self._end()
        raise SourceTimeout(f"the process that decodes {self._uri} gave no answer for {limit_s:g} s and was ended")

    def _died(self) -> NoReturn:
        self._fail(f"died ({_how(self._end(GONE_S))})")

    def _fail(self, what: str) -> NoReturn:
        self._end()
        raise SourceCrashed(f"the process that decodes {self._uri} {what}")

    def _end(self, grace_s: float = 0.0) -> int | None:
        """Make sure that the child is gone; return its exit status where it is known."""
        self._closed = True
        self._wire.close()
        for limit_s in (grace_s, GONE_S):
            try:
                return self._process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return None


class _Picture:
    """Pixels that the child converts when they are asked for."""

    __slots__ = ("_apart", "_field", "_number", "_pixels")

    def __init__(self, apart: Apart, number: int) -> None:
        self._apart = apart
        self._number = number
        self._pixels: dict[tuple[int, int, Scaling | None], UInt8Array] = {}
        self._field: Float16Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the whole view as it was filmed, upright."""
        return self._apart.shape(self._number)

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        """Return height×width×3 uint8, contiguous and upright: the whole view, or what `scaling` leaves of it."""
        wanted = height, width, scaling
        if wanted not in self._pixels:
            self._pixels[wanted] = self._apart.pixels(self._number, *wanted)
        return self._pixels[wanted]

    def vectors(self, height: int, width: int) -> Float16Array:
        """Return the motion its encoder noted, 2×height×width."""
        if self._field is None or self._field.shape[1:] != (height, width):
            self._field = self._apart.field(self._number, height, width)
        return self._field


def _follows(facts: Facts, last: Facts | None, first_epoch: int) -> bool:
    """No decoder of ours jumps within an epoch, or leaves one out."""
    if last is not None and facts.epoch == last.epoch:
        return last.pts_s <= facts.pts_s <= last.pts_s + LONGEST_STEP_S
    return facts.epoch == (first_epoch if last is None else last.epoch + 1) and facts.pts_s <= FARTHEST_S


def _how(status: int | None) -> str:
    if status is None:
        return "nobody knows how"
    return f"exit code {status}" if status >= 0 else signal.Signals(-status).name
