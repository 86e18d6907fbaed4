"""Where a live client stands in the event logs of all streams, as the text of an event's id.

A vector of one position per stream, written down for those that had an event lately. The others stand where that time
begins: what is new of them has come after it. Names are digests, so an id tells nobody which streams there are.
"""

import base64
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgpack

LATELY_MS = 60_000
"""Clocks of a cluster's masters must not differ by more."""
MOST = 256
"""Positions in one vector: where more streams had an event lately, `lately` is shorter."""

_LAST = 2**64 - 2  # the greatest number of an entry within its millisecond that has a successor


def pack(positions: Mapping[str, str]) -> str:
    """Return the vector of these positions, each the id of the last entry seen of a stream; empty for none."""
    if not positions:
        return ""
    places = sorted(((_parsed(id_), name) for name, id_ in positions.items()), reverse=True)
    floor_ms = places[0][0][0] - LATELY_MS
    if len(places) > MOST:
        floor_ms = max(floor_ms, places[MOST][0][0] + 1)
    listed = [((ms, count), name) for (ms, count), name in places if ms >= floor_ms]
    numbers = [number for (ms, count), _ in listed for number in (ms - floor_ms, count)]
    packed = msgpack.packb([floor_ms, b"".join(_digest(name) for _, name in listed), numbers])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack(text: str, names: Iterable[str]) -> dict[str, str] | None:
    """Return the positions of the streams called `names` in a vector, or None where it is none."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        floor_ms, digests, numbers = msgpack.unpackb(packed)
        if not _sound(floor_ms, digests, numbers):
            return None
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
    ids = (f"{floor_ms + ms}-{count}" for ms, count in zip(numbers[::2], numbers[1::2], strict=True))
    listed = dict(zip(_split(digests), ids, strict=True))
    return {name: listed.get(_digest(name), f"{floor_ms - 1}-{_LAST}") for name in names}


def _sound(floor_ms: Any, digests: Any, numbers: Any) -> bool:
    if not (isinstance(floor_ms, int) and isinstance(digests, bytes) and isinstance(numbers, list)):
        return False
    sizes = len(digests) % _DIGEST == 0 and len(numbers) == 2 * (len(digests) // _DIGEST)
    return 0 < floor_ms < 2**48 and sizes and all(isinstance(one, int) and 0 <= one < 2**48 for one in numbers)


_DIGEST = 6


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=_DIGEST).digest()


def _split(digests: bytes) -> list[bytes]:
    return [digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)]


def _parsed(id_: str) -> tuple[int, int]:
    ms, _, count = id_.partition("-")
    return int(ms), int(count or 0)
