"""What the flow tells whoever listens. Every method does nothing; metrics and progress bars subscribe."""

from collections.abc import Sequence

from pipeline.values import Clip, Commit, DecodedFrame, Gap, GapReason, WhoseClock
from pipeline.way import Trace, Way


class Hooks:
    """Called from the threads of the flow; a listener must be quick and must not raise."""

    def opened(self, stream: str, duration_s: float | None) -> None:
        """A source was opened; recordings declare a duration."""

    def connected(self, stream: str, clock: WhoseClock) -> None:
        """A live source shows its first frame; `clock` says whose time the stream goes by."""

    def disconnected(self, stream: str, reason: GapReason, error: str) -> None:
        """A live source is gone, or never came; it will be tried again."""

    def decoded(self, stream: str, corrupt: bool) -> None:
        """A frame left the decoder."""

    def shown(self, stream: str, frame: DecodedFrame, at_s: float) -> None:
        """A good frame was taken, of timeline second `at_s`; its picture can be had during this call."""

    def kept(self, stream: str, until_s: float) -> None:
        """A frame was sampled and scaled; media time has reached `until_s`."""

    def clip(self, clip: Clip) -> None:
        """A clip was cut."""

    def queued(self, stream: str, clips: int) -> None:
        """So many clips wait for the model."""

    def dropped(self, stream: str, gap: Gap) -> None:
        """A clip was thrown away by policy."""

    def batch(self, kind: str, size: int, seconds: float) -> None:
        """A model worker answered `size` requests of `kind` (encode or remember) in one call."""

    def trace(self, clip: Clip, model: str, way: Way) -> Trace | None:
        """The model is about to be asked about a clip; whoever wants to trace it returns where to."""
        return None

    def worked(self, traces: Sequence[str], kind: str, size: int, waited_s: float, seconds: float) -> None:
        """A model worker has just answered a request of traced clips: it waited, then `batch` says how."""

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        """The store answered a commit: `ok` or `repeated`."""

    def answered(self, stream: str, seconds: float) -> None:
        """A clip's scores were committed `seconds` after the clip was cut."""

    def restored(self, stream: str) -> None:
        """A lane continued from a checkpoint."""

    def over(self, stream: str) -> None:
        """A run of the stream is over, however it ended; nothing more is told of it until the next one."""

    def close(self) -> None:
        """Nothing more will be told; what was held back is passed on now."""


class Fanout(Hooks):
    """Passes every call on to several listeners, in order."""

    def __init__(self, *listeners: Hooks) -> None:
        self._listeners = listeners

    def opened(self, stream: str, duration_s: float | None) -> None:
        for listener in self._listeners:
            listener.opened(stream, duration_s)

    def connected(self, stream: str, clock: WhoseClock) -> None:
        for listener in self._listeners:
            listener.connected(stream, clock)

    def disconnected(self, stream: str, reason: GapReason, error: str) -> None:
        for listener in self._listeners:
            listener.disconnected(stream, reason, error)

    def decoded(self, stream: str, corrupt: bool) -> None:
        for listener in self._listeners:
            listener.decoded(stream, corrupt)

    def shown(self, stream: str, frame: DecodedFrame, at_s: float) -> None:
        for listener in self._listeners:
            listener.shown(stream, frame, at_s)

    def kept(self, stream: str, until_s: float) -> None:
        for listener in self._listeners:
            listener.kept(stream, until_s)

    def clip(self, clip: Clip) -> None:
        for listener in self._listeners:
            listener.clip(clip)

    def queued(self, stream: str, clips: int) -> None:
        for listener in self._listeners:
            listener.queued(stream, clips)

    def dropped(self, stream: str, gap: Gap) -> None:
        for listener in self._listeners:
            listener.dropped(stream, gap)

    def batch(self, kind: str, size: int, seconds: float) -> None:
        for listener in self._listeners:
            listener.batch(kind, size, seconds)

    def trace(self, clip: Clip, model: str, way: Way) -> Trace | None:
        traces = (listener.trace(clip, model, way) for listener in self._listeners)
        return next((trace for trace in traces if trace is not None), None)

    def worked(self, traces: Sequence[str], kind: str, size: int, waited_s: float, seconds: float) -> None:
        for listener in self._listeners:
            listener.worked(traces, kind, size, waited_s, seconds)

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        for listener in self._listeners:
            listener.committed(commit, result, seconds)

    def answered(self, stream: str, seconds: float) -> None:
        for listener in self._listeners:
            listener.answered(stream, seconds)

    def restored(self, stream: str) -> None:
        for listener in self._listeners:
            listener.restored(stream)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    def over(self, stream: str) -> None:
        for listener in self._listeners:
            listener.over(stream)
