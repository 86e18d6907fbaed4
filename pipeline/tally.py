"""How far the streams of a process are: counted from the hooks, read by whoever shows progress."""

import threading
from dataclasses import dataclass, replace

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


class Tally(Hooks):
    """Keeps one `Progress` per stream."""

    def __init__(self) -> None:
        self._streams: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def progress(self) -> list[Progress]:
        """One value per stream, by name."""
        with self._lock:
            return [self._streams[name] for name in sorted(self._streams)]

    def of(self, stream: str) -> Progress:
        """The progress of one stream."""
        with self._lock:
            return self._streams.get(stream, Progress(stream))

    def opened(self, stream: str, duration_s: float | None) -> None:
        with self._lock:
            self._streams[stream] = Progress(stream, duration_s)

    def decoded(self, stream: str, corrupt: bool) -> None:
        with self._lock:
            now = self._streams.get(stream, Progress(stream))
            self._streams[stream] = replace(now, frames_decoded=now.frames_decoded + 1)

    def kept(self, stream: str, until_s: float) -> None:
        with self._lock:
            now = self._streams.get(stream, Progress(stream))
            self._streams[stream] = replace(now, frames_kept=now.frames_kept + 1, decoded_s=until_s)

    def clip(self, clip: Clip) -> None:
        with self._lock:
            now = self._streams.get(clip.stream, Progress(clip.stream))
            self._streams[clip.stream] = replace(now, clips=now.clips + 1)

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        with self._lock:
            now = self._streams.get(commit.stream, Progress(commit.stream))
            self._streams[commit.stream] = replace(now, answered_s=commit.checkpoint.until_s)
