"""What a user may name as a source, and the stream names proposed for it."""

import glob
import re
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import SourceNotFound, UsageError

SCHEMES = ("rtsp", "rtsps", "http", "https", "synthetic")
EXTENSIONS = (
    *(".3gp", ".avi", ".flv", ".gif", ".h264", ".h265", ".heic", ".heif", ".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov"),
    *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
MAX_NAME_LENGTH = 64

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME_LENGTH}}}")
_NOT_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def scheme_of(uri: str) -> str | None:
    """Return the lower-case scheme of `uri`, or None for a path."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else None


def expand(argument: str) -> list[str]:
    """Return the URIs that `argument` stands for: itself, the videos of a directory (sorted), or a glob's matches.

    Raises:
        SourceNotFound: no such file, no match, or a directory without videos.
        UsageError: a scheme that longtake does not read, or nothing at all.
    """
    if not argument:
        raise UsageError("a source is empty; give a file, a directory, a pattern or a URI")
    scheme = scheme_of(argument)
    if scheme is not None:
        return [_check_scheme(argument, scheme)]
    path = Path(argument).expanduser()
    if path.is_dir():
        return _videos_in(path)
    if path.exists():
        return [str(path)]
    if glob.has_magic(argument):
        return _matches(str(path))
    raise SourceNotFound(f"there is no file or directory {argument!r}")


def _check_scheme(uri: str, scheme: str) -> str:
    if scheme not in SCHEMES:
        choices = ", ".join(f"{name}://" for name in SCHEMES)
        raise UsageError(f"{scheme}:// cannot be read; give a path, /dev/videoN or one of {choices}")
    if scheme != "synthetic" and not host_of(uri):
        raise UsageError(f"{uri!r} names no host; write {scheme}://HOST/PATH")
    return uri


def host_of(uri: str) -> str:
    """Return the host that a URI names; empty where it names none, or is none, as `rtsp://[::1`."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _videos_in(folder: Path) -> list[str]:
    videos = sorted(str(path) for path in folder.iterdir() if _looks_like_video(path))
    if not videos:
        raise SourceNotFound(f"the directory {str(folder)!r} holds no videos; looked for {' '.join(EXTENSIONS)}")
    return videos


def _matches(pattern: str) -> list[str]:
    matches = sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())  # noqa: PTH207
    if not matches:
        raise SourceNotFound(f"no file matches {pattern!r}")
    return matches


def _looks_like_video(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def stream_name(uri: str) -> str:
    """Return the name proposed for the stream of `uri`: allowed by `check_name` and free of credentials."""
    scheme = scheme_of(uri)
    if scheme is None:
        proposed = Path(uri).stem
    elif scheme == "synthetic":
        seed = re.search(r"seed=(\d+)", uri)
        proposed = f"synthetic-{seed[1] if seed else 0}"
    else:
        parts = urlsplit(uri)
        proposed = f"{parts.hostname or ''}{parts.path}".rstrip("/")
    return _NOT_NAME.sub("-", proposed).strip("-")[:MAX_NAME_LENGTH] or "stream"


def check_name(name: str, of: str = "stream") -> str:
    """Return `name` if it may name a stream, or something else that is called `of`.

    Raises:
        UsageError: it is empty, too long, or holds anything but letters, digits, dot, underscore and dash.
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= MAX_NAME_LENGTH else f"{name[:20]}… ({len(name)} characters)"
        raise UsageError(
            f"{shown!r} cannot name a {of}; use 1 to {MAX_NAME_LENGTH} of the characters A-Z a-z 0-9 . _ -"
        )
    return name
