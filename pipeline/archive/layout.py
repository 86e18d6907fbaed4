"""Where an archived file lies: `stream=NAME/date=YYYY-MM-DD/DIGEST.parquet`, hive partitions by UTC date of start."""

import hashlib
import math
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

DAY_S = 86_400
SUFFIX = ".parquet"
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal(), date.max.toordinal()


def day_of(start_s: float) -> date:
    """Return the UTC date of `start_s`; a recording's seconds count from 1970-01-01."""
    return date.fromordinal(min(max(_EPOCH + math.floor(start_s / DAY_S), _FIRST), _LAST))


def folder_of(stream: str) -> str:
    """Return the folder of a stream, relative to the archive."""
    return f"stream={quote(stream, safe='')}"


def stream_of(folder: str) -> str | None:
    """Return the stream whose folder this is, or None."""
    kind, _, name = PurePosixPath(folder).name.partition("=")
    return unquote(name) if kind == "stream" and name else None


def path_of(stream: str, day: date, data: bytes) -> str:
    """Return the path, relative to the archive, of a file that holds `data`; equal bytes have one name."""
    return f"{folder_of(stream)}/date={day.isoformat()}/{digest(data)}{SUFFIX}"


def date_of(path: str) -> date:
    """Return the UTC date on which all in the file at `path` starts."""
    return date.fromisoformat(PurePosixPath(path).parent.name.partition("=")[2])


def begins_s(path: str) -> float:
    """Return the unix seconds before which nothing in the file at `path` starts."""
    return float((date_of(path).toordinal() - _EPOCH) * DAY_S)


def is_named_after(path: str, data: bytes) -> bool:
    """Tell whether `data` are the bytes that the file at `path` was written with."""
    return PurePosixPath(path).name == digest(data) + SUFFIX


def digest(data: bytes) -> str:
    """32 hex digits of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
