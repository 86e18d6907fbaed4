"""What crosses between a reader and the process that decodes for it: messages of a fixed layout, each with a limit.

    reader → decoder     ORDER (JSON)       NEXT                        PICTURE            VECTORS           SHAPE
    decoder → reader     OPENED or FAULT    NOTE*, FRAME END or FAULT   PIXELS or FAULT    FIELD or FAULT    SIDES

A message is its kind (1 byte), its length (4 bytes, little-endian) and its content. The decoder speaks only when
asked. The reader believes nothing: kinds, lengths and values are checked, and what is wrong ends the decoder.
"""

import math
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from pipeline.errors import SourceError, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from pipeline.values import DecodedFrame, GapReason, Scaling

MOST_TEXT = 4096
MOST_ORDER = 2**20

FAULTS = (SourceError, SourceNotFound, SourceUnreadable, SourceTimeout, SourceRefused)
REASONS = tuple(GapReason)

OPENED = struct.Struct("<?d")  # live, duration_s or NaN
PICTURE = struct.Struct("<QHHHH?")  # number of the frame, height, width; of the scaling: height, width or 0, exact
VECTORS = struct.Struct("<QHH")  # number of the frame, height, width
SHAPE = struct.Struct("<Q")  # number of the frame
SIDES = struct.Struct("<II")  # height, width
_HEAD = struct.Struct("<BI")
FRAME = struct.Struct(
    "<QIddddBB"
)  # packets failed so far, epoch, pts_s, duration_s, wall_s or NaN, skipped_s, corrupt, reason


class Kind(IntEnum):
    """Of a message."""

    ORDER = 1
    NEXT = 2
    PICTURE = 3
    OPENED = 4
    NOTE = 5
    FRAME = 6
    END = 7
    FAULT = 8
    PIXELS = 9
    VECTORS = 10
    FIELD = 11
    SHAPE = 12
    SIDES = 13


class Garbled(Exception):
    """The other side sent what it may not send."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A decoded frame without its picture; the fields are those of `DecodedFrame`."""

    epoch: int
    pts_s: float
    duration_s: float
    wall_s: float | None
    skipped_s: float
    corrupt: bool
    skip_reason: GapReason


class Wire:
    """One end of the connection; owns its socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._connection.close()

    def send(self, kind: Kind, content: bytes = b"") -> None:
        """Send a message.

        Raises:
            OSError: the other side is gone, or does not listen.
        """
        self._connection.sendall(_HEAD.pack(kind, len(content)) + content)

    def receive(self, allowed: Mapping[Kind, int], limit_s: float | None = None) -> tuple[Kind, bytearray]:
        """Wait for a message of one of the allowed kinds, each with the most bytes its content may have.

        Raises:
            TimeoutError: it was not there, whole, after `limit_s`.
            EOFError: the other side is gone.
            Garbled: another kind, or too long.
        """
        until_s = None if limit_s is None else time.monotonic() + limit_s
        number, length = _HEAD.unpack(self._exactly(_HEAD.size, until_s))
        kind = next((one for one in allowed if one == number), None)
        if kind is None:
            raise Garbled(f"message {number} where {', '.join(one.name for one in allowed)} may come")
        if length > allowed[kind]:
            raise Garbled(f"{kind.name} of {length} bytes, at most {allowed[kind]} may come")
        return kind, self._exactly(length, until_s)

    def _exactly(self, length: int, until_s: float | None) -> bytearray:
        content = bytearray(length)
        left = memoryview(content)
        while left:
            if until_s is not None:
                self._connection.settimeout(max(0.001, until_s - time.monotonic()))
            got = self._connection.recv_into(left)
            if not got:
                raise EOFError
            left = left[got:]
            if left and until_s is not None and time.monotonic() > until_s:
                raise TimeoutError
        return content


def pack_frame(frame: DecodedFrame, failed: int) -> bytes:
    """Return the content of a FRAME message."""
    wall_s = math.nan if frame.wall_s is None else frame.wall_s
    times = (frame.epoch, frame.pts_s, frame.duration_s, wall_s, frame.skipped_s)
    return FRAME.pack(failed, *times, frame.corrupt, REASONS.index(frame.skip_reason))


def unpack_frame(content: bytearray) -> tuple[Facts, int]:
    """Return the frame of a FRAME message, and how many packets have failed so far.

    Raises:
        Garbled: a length or a value that no decoder of ours gives.
    """
    if len(content) != FRAME.size:
        raise Garbled(f"FRAME of {len(content)} bytes")
    failed, epoch, pts_s, duration_s, wall_s, skipped_s, corrupt, reason = FRAME.unpack(content)
    sound = all(map(math.isfinite, (pts_s, duration_s, skipped_s))) and not math.isinf(wall_s)
    if not sound or min(pts_s, skipped_s) < 0 or duration_s <= 0 or reason >= len(REASONS):
        raise Garbled(f"a frame at {pts_s} s for {duration_s} s after {skipped_s} s, reason {reason}")
    told_s = None if math.isnan(wall_s) else wall_s
    return Facts(epoch, pts_s, duration_s, told_s, skipped_s, bool(corrupt), REASONS[reason]), failed


def pack_picture(number: int, height: int, width: int, scaling: Scaling | None) -> bytes:
    """Return the content of a PICTURE message."""
    how = (scaling.height, scaling.width or 0, scaling.exact) if scaling else (0, 0, False)
    return PICTURE.pack(number, height, width, *how)


def unpack_picture(content: bytearray) -> tuple[int, int, int, Scaling | None]:
    """Return what a PICTURE message asks for: number of the frame, height, width and scaling."""
    number, height, width, scaled_height, scaled_width, exact = PICTURE.unpack(content)
    scaling = Scaling(scaled_height, scaled_width or None, exact) if scaled_height else None
    return number, height, width, scaling


def pack_fault(error: SourceError) -> bytes:
    """Return the content of a FAULT message."""
    kind = FAULTS.index(type(error)) if type(error) in FAULTS else 0
    return bytes([kind]) + str(error).encode()[: MOST_TEXT - 1]


def unpack_fault(content: bytearray) -> SourceError:
    """Return the error of a FAULT message.

    Raises:
        Garbled: there is none.
    """
    if not content or content[0] >= len(FAULTS):
        raise Garbled("FAULT of an unknown kind")
    return FAULTS[content[0]](text_of(content[1:]))


def text_of(content: bytearray) -> str:
    """Return a sentence from the other side, without what could steer a terminal."""
    text = content.decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
