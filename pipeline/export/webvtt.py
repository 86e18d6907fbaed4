"""A timeline as WebVTT captions (https://www.w3.org/TR/webvtt1), so that a player shows what happens."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from pipeline.export.look import Look
from pipeline.values import Gap, Segment

_LINES = re.compile(r"[\r\n]+")


def to_webvtt(look: Look) -> str:
    """Return a cue for each segment and each gap that nobody filled, by start.

    Times count from `Look.zero_s`: a recording's captions fit its file. Of a live stream a note says when zero was.
    What has no length is shown for a millisecond, for a cue must have some.
    """
    cues = (_cue(look, item) for item in look.items if not (isinstance(item, Gap) and item.filled))
    return "\n\n".join(["WEBVTT", *_notes(look), *cues]) + "\n"


def _notes(look: Look) -> Iterator[str]:
    yield f"NOTE {_text(look.timeline.stream)}"
    if look.live:
        yield f"NOTE times count from {datetime.fromtimestamp(look.zero_s, UTC).isoformat(timespec='milliseconds')}"


def _cue(look: Look, item: Segment | Gap) -> str:
    start_ms = max(0, round((item.start - look.zero_s) * 1000))
    end_ms = max(start_ms + 1, round((look.end_s(item) - look.zero_s) * 1000))
    times = f"{_clock(start_ms)} --> {_clock(end_ms)}"
    if isinstance(item, Gap):
        return f"{times}\n(not watched: {item.reason})"
    return f"{_text(item.id)}\n{times}\n{_text(item.label)} {item.score:.2f}"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _text(text: str) -> str:
    """Text that ends no cue and is no markup: on one line, `-->` included."""
    text = _LINES.sub(" ", text).replace("\0", "\ufffd")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
