"""Times as people write them."""

import math
import re
from datetime import UTC, datetime

from pipeline.errors import UsageError, redact

WALL_CLOCK_S = 1e8
"""Timeline seconds beyond this are unix seconds; a recording's count from its start."""

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])(?: ago)?")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_time(text: str) -> float:
    """Seconds (`90`, `1700000000.5`), a clock (`1:30`, `2:01:30`) or a date (ISO 8601, UTC where it is silent).

    Raises:
        UsageError: none of these.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds):
        return seconds
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


def parse_bound(text: str, watched_s: float) -> float:
    """What `parse_time` reads, or a time told from where the stream stands, at `watched_s`.

    `10m` (or `10m ago`) is that long before; on a wall clock, `17:40` is the last time it was that (UTC).

    Raises:
        UsageError: none of these.
    """
    if ago := _AGO.fullmatch(text):
        return watched_s - float(ago[1]) * _UNIT_S[ago[2]]
    found = _TIME_OF_DAY.fullmatch(text)
    if not found or watched_s < WALL_CLOCK_S:
        return parse_time(text)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if not (hours < 24 and minutes < 60 and seconds < 60):
        raise UsageError(f"{text!r} is no time of day")
    since_s = (watched_s - hours * 3600 - minutes * 60 - seconds) % _UNIT_S["d"]
    return watched_s - since_s


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
    """Seconds of `90`, `90s`, `45m`, `2h` or `7d`.

    Raises:
        UsageError: none of these.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is not a duration; write 90s, 45m, 2h or 7d")
    return float(found[1]) * _UNIT_S[found[2]]
