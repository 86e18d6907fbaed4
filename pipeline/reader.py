"""From a URI to clips and gaps: source, decoder and clip cutter in a row, from the start or from a checkpoint."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline import synthetic
from pipeline.clip import ClipCutter, StartPoint
from pipeline.clock import Clock
from pipeline.decode import DecodeStats, decode
from pipeline.errors import SourceChanged
from pipeline.hooks import Hooks
from pipeline.source import SourceSettings, open_source
from pipeline.source.names import scheme_of
from pipeline.values import Checkpoint, Clip, ClipSpec, DecodedFrame, Gap, GapReason


@dataclass(frozen=True, slots=True)
class Opened:
    """An open source, whatever it is.

    Attributes:
        live: it has no end of its own and cannot be read again.
        duration_s: declared length, or None.
        frames: everything it shows, in order; iterated once.
    """

    live: bool
    duration_s: float | None
    frames: Iterator[DecodedFrame]


class Reader:
    """Reads one stream once.

    Args:
        threads: of the decoder.

    Attributes:
        stats: what the decoder met.
        live: known once reading has begun.
        frames_kept: grid points whose pixels were taken.
    """

    def __init__(
        self, stream: str, uri: str, spec: ClipSpec, settings: SourceSettings, threads: int, hooks: Hooks, clock: Clock
    ) -> None:
        self._stream = stream
        self._uri = uri
        self._spec = spec
        self._settings = settings
        self._threads = threads
        self._hooks = hooks
        self._clock = clock
        self.stats = DecodeStats()
        self.live = False
        self.frames_kept = 0

    def read(self, checkpoint: Checkpoint, stop: threading.Event) -> Generator[Clip | Gap]:
        """Yield what follows `checkpoint`, until the source ends or `stop` is set.

        A recording is sought to where the next clip begins; if the pixels there are not those of the checkpoint it is
        read again from its start. A live source begins a new epoch, after a `restart` gap where it was read before.
        What a stopped recording has not finished stays unsaid, so that going on gives what an undisturbed run gives.

        Raises:
            SourceError: it cannot be opened or read, or is not the source of the checkpoint.
        """
        begun = checkpoint.step >= 0
        start = StartPoint.after(checkpoint) if begun else StartPoint.at(checkpoint.origin_s)
        try:
            yield from self._read(start, start.media_s(self._spec), checkpoint, stop)
        except SourceChanged:
            if start.media_s(self._spec) is None:
                raise
            self.stats = DecodeStats()
            yield from self._read(start, None, checkpoint, stop)

    def _read(
        self, start: StartPoint, seek_s: float | None, checkpoint: Checkpoint, stop: threading.Event
    ) -> Iterator[Clip | Gap]:
        with self._open(seek_s) as opened:
            self.live = opened.live
            self._hooks.opened(self._stream, opened.duration_s)
            if opened.live:
                start, gap = self._live_start(checkpoint)
                yield from gap
            cutter = ClipCutter(self._stream, self._spec, start)
            for frame in opened.frames:
                if stop.is_set():
                    break
                self._hooks.decoded(self._stream, frame.corrupt)
                yield from self._cut(cutter, cutter.push(frame))
            if opened.live or not stop.is_set():
                yield from self._cut(cutter, cutter.finish())

    def _cut(self, cutter: ClipCutter, items: list[Clip | Gap]) -> list[Clip | Gap]:
        if cutter.frames_kept != self.frames_kept:
            self.frames_kept = cutter.frames_kept
            self._hooks.kept(self._stream, cutter.until_s)
        for item in items:
            if isinstance(item, Clip):
                self._hooks.clip(item)
        return items

    def _live_start(self, checkpoint: Checkpoint) -> tuple[StartPoint, list[Gap]]:
        """A live stream's time is the wall clock's; the time since it was last watched is a gap."""
        now_s = self._clock.wall_s()
        if checkpoint.step < 0:
            return StartPoint.at(now_s), []
        gap = Gap(self._stream, checkpoint.until_s, max(now_s, checkpoint.until_s), GapReason.RESTART)
        return StartPoint.at(gap.end, epoch=checkpoint.epoch + 1), [gap]

    @contextmanager
    def _open(self, seek_s: float | None) -> Iterator[Opened]:
        if scheme_of(self._uri) == "synthetic":
            spec, fps, _ = synthetic.parse_uri(self._uri)
            begin_s = max(0.0, (seek_s or 0.0) - 1 / fps)  # the frame shown at `seek_s` may have begun before it
            yield Opened(False, spec.duration_s, self._counted(synthetic.frames(spec, fps, begin_s)))
            return
        with open_source(self._uri, self._settings, seek_s) as source:
            frames = decode(source, threads=self._threads, stats=self.stats)
            yield Opened(source.info.live, source.info.duration_s, frames)

    def _counted(self, frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
        for frame in frames:
            self.stats.frames_decoded += 1
            yield frame
