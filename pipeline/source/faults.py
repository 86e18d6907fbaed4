"""The border to FFmpeg: each of its errors becomes one of ours, without the URL it carries."""

import errno
import socket
from pathlib import Path
from urllib.parse import urlsplit

import av

from pipeline.errors import SourceError, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from pipeline.source.names import scheme_of

FOREIGN = (av.FFmpegError, OSError, EOFError, StopIteration, LookupError, ValueError, MemoryError)

_REFUSED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)
_NOT_FOUND = (av.HTTPNotFoundError, FileNotFoundError)
_SILENT = (av.ExitError, TimeoutError)
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH)


def explain(error: BaseException, uri: str, waited_s: float, limit_s: float) -> SourceError:
    """Return the error of our tree for a foreign one met after `waited_s` of at most `limit_s` seconds.

    RTSP reports a silent server as invalid data, so on the network a full wait counts as silence whatever the code.
    """
    network = scheme_of(uri) is not None
    if isinstance(error, _REFUSED):
        return SourceRefused(f"{uri} refuses these credentials; check the user and password")
    if isinstance(error, PermissionError):
        return SourceRefused(f"no permission to read {uri}")
    if isinstance(error, _NOT_FOUND):
        return SourceNotFound(f"there is nothing at {uri}")
    if isinstance(error, _SILENT) or (network and waited_s >= 0.9 * limit_s):
        return SourceTimeout(f"{uri} accepted and then sent nothing for {limit_s:g} s")
    if isinstance(error, ConnectionRefusedError):
        return SourceNotFound(f"nothing listens at {uri}")
    if network and isinstance(error, OSError) and (error.errno in _UNREACHABLE or _is_unknown_host(error, uri)):
        return SourceNotFound(f"the host of {uri} is unknown or cannot be reached")
    if isinstance(error, OSError):
        return SourceError(f"reading {uri} failed: {error.strerror or 'input/output error'}{_advice(error, uri)}")
    if isinstance(error, MemoryError):
        return SourceUnreadable(f"opening {uri} takes more memory than it may have")
    return SourceUnreadable(_unreadable(uri, network))


def _is_unknown_host(error: OSError, uri: str) -> bool:
    """FFmpeg tells a host that cannot be looked up as it tells everything that failed while reading."""
    if error.errno != errno.EIO:
        return False
    try:
        socket.getaddrinfo(urlsplit(uri).hostname, None)
    except (OSError, ValueError):
        return True
    return False


def _advice(error: OSError, uri: str) -> str:
    """What the video needs may lie behind what was read, and not every server lets a reader go there."""
    if error.errno == errno.EIO and (scheme_of(uri) or "").startswith("http"):
        return "; its server may not support ranges: download the file first"
    return ""


def _unreadable(uri: str, network: bool) -> str:
    if not network and _is_cut_mp4(Path(uri)):
        return f"{uri} is a truncated MP4: its index is missing; repair it or record it again"
    return f"{uri} cannot be read as a video: it is damaged, truncated or of an unknown format"


def _is_cut_mp4(path: Path) -> bool:
    """An MP4 that opens with its header but never got (or lost) its `moov` index."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(12)[4:8] == b"ftyp"
