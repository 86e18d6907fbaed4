"""Times as people write them."""

import re
from datetime import UTC, datetime

from pipeline.errors import UsageError, redact

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


def parse_time(text: str) -> float:
    """Seconds (`90`, `1700000000.5`), a clock (`1:30`, `2:01:30`) or a date (ISO 8601, UTC where it is silent).

    Raises:
        UsageError: none of these.
    """
    try:
        return float(text)
    except ValueError:
        pass
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time; write seconds (90), a clock (1:30) or a date (2026-01-31T22:00:00Z)"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def start_of(text: str, uri: str) -> float:
    """When a recording's first frame was: a time, or the word `file` where the recorder wrote it into the file.

    Raises:
        UsageError: not a time, or a file that does not say when it began.
        SourceError: the file cannot be opened.
    """
    if text != "file":
        return parse_time(text)
    from pipeline.source import SourceSettings, open_source  # loads FFmpeg

    if uri.startswith("synthetic:"):
        raise UsageError("a synthetic scene does not say when it began; give a date as --start-time")
    with open_source(uri, SourceSettings()) as source:
        start_s = source.info.start_wall_s
    if start_s is None:
        raise UsageError(f"{redact(uri)} does not say when it began; give a date as --start-time")
    return start_s


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `45m` or `2h`.

    Raises:
        UsageError: none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise UsageError(f"{text!r} is not a duration; write 90s, 45m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
