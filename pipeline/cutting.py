"""The clip cutter as the flow uses it: it tells the hooks what it sees, keeps and cuts."""

from pipeline.clip import ClipCutter, StartPoint
from pipeline.hooks import Hooks
from pipeline.motion import method_of
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap


def cutter_of(stream: str, spec: ClipSpec, start: StartPoint | None = None) -> ClipCutter:
    """Return a cutter that finds the motion which `spec` asks for.

    Raises:
        ModelError: as `method_of`.
    """
    return ClipCutter(stream, spec, start, None if spec.motion is None else method_of(spec.motion))


class Cutting:
    """A `ClipCutter` with hooks; see there."""

    def __init__(self, stream: str, spec: ClipSpec, start: StartPoint, hooks: Hooks) -> None:
        self._stream = stream
        self._cutter = cutter_of(stream, spec, start)
        self._hooks = hooks
        self._kept = 0

    @property
    def until_s(self) -> float:
        """Timeline seconds up to which clips and gaps have come out."""
        return self._cutter.until_s

    def push(self, frame: DecodedFrame) -> list[Clip | Gap]:
        """Take the next frame; return what it completes."""
        self._hooks.decoded(self._stream, frame.corrupt)
        items = self._cutter.push(frame)
        if not frame.corrupt:
            self._hooks.shown(self._stream, frame, self._cutter.seconds_of(frame))
        return self._told(items)

    def finish(self) -> list[Clip | Gap]:
        """Return what remains when the source has ended."""
        return self._told(self._cutter.finish())

    def _told(self, items: list[Clip | Gap]) -> list[Clip | Gap]:
        if self._cutter.frames_kept != self._kept:
            self._kept = self._cutter.frames_kept
            self._hooks.kept(self._stream, self._cutter.until_s)
        for item in items:
            if isinstance(item, Clip):
                self._hooks.clip(item)
        return items
