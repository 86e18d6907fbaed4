"""Cursors: where the next page of an answer begins, for clients to hand back."""

import base64
import math
from typing import Any

import msgpack

from pipeline.errors import UsageError
from pipeline.timeline.pages import Position


def to_cursor(position: Position, question: bytes) -> str:
    """Return a place in the answer to a question, as text that may stand in a URL.

    Args:
        question: digest of what was asked; the cursor is good for no other question.
    """
    fields = [question, position.start, position.stream, position.kind, position.label, position.id]
    return base64.urlsafe_b64encode(msgpack.packb(fields)).decode().rstrip("=")


def from_cursor(cursor: str, question: bytes) -> Position:
    """Return the place that `to_cursor` wrote.

    Raises:
        UsageError: it is no cursor, or one of another question.
    """
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        asked, start, *names = msgpack.unpackb(packed)
        position = _position(start, *names)
    except (ValueError, TypeError, msgpack.UnpackException):
        raise UsageError("that is no cursor; give the one that stands under `next` in the page before") from None
    if asked != question:
        raise UsageError("the cursor belongs to another question; ask the one it came from, or begin without a cursor")
    return position


def _position(start: Any, stream: Any, kind: Any, label: Any, id: Any) -> Position:
    names = (stream, kind, label, id)
    if not isinstance(start, float) or not math.isfinite(start) or not all(isinstance(name, str) for name in names):
        raise ValueError("not a position")
    return Position(start, stream, kind, label, id)
