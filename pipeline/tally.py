"""How far the streams of a process are: counted from the hooks, read by whoever shows progress."""

from dataclasses import asdict, dataclass

from pipeline.hooks import Hooks
from pipeline.values import Clip, Commit


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stream is.

    Attributes:
        duration_s: declared length of the recording, or None.
        decoded_s: media seconds decoded.
        answered_s: timeline seconds committed.
    """

    stream: str
    duration_s: float | None = None
    frames_decoded: int = 0
    frames_kept: int = 0
    clips: int = 0
    decoded_s: float = 0.0
    answered_s: float = 0.0


@dataclass(slots=True)
class _Counts:
    """A `Progress` in the making."""

    duration_s: float | None = None
    frames_decoded: int = 0
    frames_kept: int = 0
    clips: int = 0
    decoded_s: float = 0.0
    answered_s: float = 0.0

    def progress(self, stream: str) -> Progress:
        return Progress(stream, **asdict(self))


class Tally(Hooks):
    """Keeps one `Progress` per stream.

    Each count of a stream is moved by one thread only (its reader or its lane), so none needs a lock.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Counts] = {}

    def progress(self) -> list[Progress]:
        """One value per stream, by name."""
        return [counts.progress(name) for name, counts in sorted(self._streams.copy().items())]

    def of(self, stream: str) -> Progress:
        """The progress of one stream."""
        return self._counts(stream).progress(stream)

    def opened(self, stream: str, duration_s: float | None) -> None:
        self._streams[stream] = _Counts(duration_s)

    def decoded(self, stream: str, corrupt: bool) -> None:
        self._counts(stream).frames_decoded += 1

    def kept(self, stream: str, until_s: float) -> None:
        counts = self._counts(stream)
        counts.frames_kept += 1
        counts.decoded_s = until_s

    def clip(self, clip: Clip) -> None:
        self._counts(clip.stream).clips += 1

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        self._counts(commit.stream).answered_s = commit.checkpoint.until_s

    def _counts(self, stream: str) -> "_Counts":
        found = self._streams.get(stream)
        return found if found is not None else self._streams.setdefault(stream, _Counts())
