"""The recording that a stream was read from, where a browser can play it."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from longtake.known_streams import Known
from pipeline.control.wish import kind_of
from pipeline.errors import SourceError

_TYPES = {"mov": "video/mp4", "matroska": "video/x-matroska"}  # by the first name of the container in FFmpeg
_WEBM = ".webm"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that is a video, and its media type."""

    path: Path
    media_type: str


def recording_of(stream: Known) -> Recording | None:
    """Return the recording of a stream, or None where its source is no file here, or no video that browsers know.

    What a path names is opened and looked at first, so that nothing but a video can be had by naming it as a source.
    """
    if kind_of(stream.source) != "file":
        return None
    path = Path(stream.source)
    try:
        about = path.stat()
    except (OSError, ValueError):
        return None
    return _probed(path, about.st_mtime_ns, about.st_size) if path.is_file() else None


@lru_cache(maxsize=4096)
def _probed(path: Path, changed_ns: int, size: int) -> Recording | None:
    """Look into a file, once for each of its versions."""
    from pipeline.source import open_source  # loads FFmpeg

    try:
        with open_source(str(path)) as source:
            container = source.info.container.split(",")[0]
    except SourceError:
        return None
    media_type = "video/webm" if path.suffix.lower() == _WEBM else _TYPES.get(container)
    return Recording(path, media_type) if container in _TYPES and media_type else None
