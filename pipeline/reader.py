"""From a URI to clips and gaps: frames and clip cutter in a row, from the start or from a checkpoint."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pipeline import synthetic
from pipeline.clip import StartPoint
from pipeline.clock import Clock
from pipeline.cutting import Cutting
from pipeline.decode import DecodeStats
from pipeline.errors import SourceChanged, SourceError
from pipeline.frames import Opened, Order, opened
from pipeline.hooks import Hooks
from pipeline.live import LiveReader, LiveSettings, LiveStream
from pipeline.source import SourceSettings
from pipeline.source.names import scheme_of
from pipeline.values import Checkpoint, Clip, ClipSpec, DecodedFrame, Gap, GapReason


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How one stream is read.

    Attributes:
        forever: a live source that ends or fails is tried again until the reader is told to stop.
        realtime: a recording is read no faster than it was filmed.
        threads: of the decoder.
    """

    source: SourceSettings = field(default_factory=SourceSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    forever: bool = False
    realtime: bool = False
    threads: int = 1


class Reader:
    """Reads one stream once.

    Attributes:
        stats: what the decoder met.
        live: the source has no end of its own; known once reading has begun.
    """

    def __init__(
        self, stream: str, uri: str, spec: ClipSpec, settings: ReadSettings, hooks: Hooks, clock: Clock
    ) -> None:
        self._stream = stream
        self._uri = uri
        self._spec = spec
        self._settings = settings
        self._hooks = hooks
        self._clock = clock
        self.stats = DecodeStats()
        self.live = False

    def read(
        self, checkpoint: Checkpoint, stop: threading.Event, absent: GapReason = GapReason.RESTART
    ) -> Generator[Clip | Gap]:
        """Yield what follows `checkpoint`, until the source ends or `stop` is set.

        A recording is sought to where the next clip begins; if the pixels there are not those of the checkpoint it is
        read again from its start. What a stopped recording has not finished stays unsaid, so that going on gives what
        an undisturbed run gives. A live source begins a new epoch, after a gap where it was watched before.

        Args:
            absent: why a live stream was not watched since its checkpoint.

        Raises:
            SourceError: it cannot be opened or read, or is not the source of the checkpoint.
        """
        self.live = self._is_live()
        if self.live:
            yield from self._live(checkpoint).read(absent, stop)
            return
        start = StartPoint.after(checkpoint)
        try:
            yield from self._recording(start, start.media_s(self._spec), stop)
        except SourceChanged:
            if start.media_s(self._spec) is None:
                raise
            self.stats = DecodeStats()
            yield from self._recording(start, None, stop)

    def _is_live(self) -> bool:
        """Cameras are live by their scheme; an HTTP source says so when it is opened, and is one while it cannot be."""
        scheme = scheme_of(self._uri)
        if scheme is None:
            return self._uri.startswith("/dev/")
        if not scheme.startswith("http"):
            return scheme.startswith("rtsp")
        try:
            with opened(self._order(self._settings.source), DecodeStats(), self._clock) as source:
                return source.live
        except SourceError:
            if self._settings.forever:
                return True
            raise

    def _live(self, checkpoint: Checkpoint) -> LiveReader:
        watched = checkpoint.step >= 0 or checkpoint.pending_gap is not None
        return LiveReader(
            LiveStream(self._stream, self._spec, self._camera, self._settings.forever),
            self._settings.live,
            checkpoint.until_s if watched else None,
            checkpoint.epoch + 1 if checkpoint.step >= 0 else checkpoint.epoch,
            self._hooks,
            self._clock,
        )

    def _camera(self, epoch: int) -> Generator[DecodedFrame]:
        """The frames of one connection; a source that is silent, or sends no pictures, is let go."""
        watchdog_s = self._settings.live.watchdog_s
        silent_s = min(self._settings.source.read_timeout_s, watchdog_s)
        order = self._order(self._settings.source.model_copy(update={"read_timeout_s": silent_s}))
        with opened(replace(order, epoch=epoch, watchdog_s=watchdog_s), self.stats, self._clock) as source:
            yield from source.frames

    def _order(self, settings: SourceSettings) -> Order:
        return Order(
            self._uri,
            settings,
            self._spec.height,
            self._spec.width,
            scaling=self._spec.scaling,
            motion=self._spec.motion,
            threads=self._settings.threads,
        )

    def _recording(self, start: StartPoint, seek_s: float | None, stop: threading.Event) -> Iterator[Clip | Gap]:
        with self._open(seek_s) as source:
            self._hooks.opened(self._stream, source.duration_s)
            cutting = Cutting(self._stream, self._spec, start, self._hooks)
            pace = _Pace(self._clock) if self._settings.realtime else None
            for frame in source.frames:
                if stop.is_set() or (pace and pace.wait(frame, stop)):
                    return
                yield from cutting.push(frame)
            yield from cutting.finish()

    @contextmanager
    def _open(self, seek_s: float | None) -> Iterator[Opened]:
        if scheme_of(self._uri) == "synthetic":
            spec, fps, size = synthetic.parse_uri(self._uri)
            begin_s = max(0.0, (seek_s or 0.0) - 1 / fps)  # the frame shown at `seek_s` may have begun before it
            yield Opened(False, spec.duration_s, self._counted(synthetic.frames(spec, fps, begin_s, size)))
            return
        order = replace(self._order(self._settings.source), start_at_s=seek_s)
        with opened(order, self.stats, self._clock) as source:
            yield source

    def _counted(self, frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
        for frame in frames:
            self.stats.frames_decoded += 1
            yield frame


class _Pace:
    """Holds frames back until their time has come, counted from the first one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due_s: float | None = None

    def wait(self, frame: DecodedFrame, stop: threading.Event) -> bool:
        """Wait for the moment of `frame`; True when told to stop."""
        now_s = self._clock.monotonic_s()
        due_s = now_s if self._due_s is None else self._due_s
        self._due_s = due_s + frame.duration_s
        return due_s > now_s and self._clock.wait(stop, due_s - now_s)
