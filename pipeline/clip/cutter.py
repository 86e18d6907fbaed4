"""From decoded frames to clips and gaps that tile the time watched, from the start or from a checkpoint."""

import math

from pipeline.clip.motion import MotionMethod
from pipeline.clip.sampler import Sample, Sampler
from pipeline.clip.start import StartPoint
from pipeline.clip.window import Window, digest
from pipeline.errors import SourceChanged
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap, GapReason, UInt8Array


class ClipCutter:
    """Takes decoded frames, in order, and returns clips and gaps, in order.

    Within an epoch each clip starts where the last ended; between epochs stands a gap where media time was skipped.
    A cutter that starts at a checkpoint passes over what is answered already (earlier epochs, earlier steps) without
    converting it, and gives exactly the clips that the undisturbed run would have given.

    Args:
        stream: name of the stream.
        start: where to begin. Frames may come from the start of the source, or from any point not after
            `start.media_s(spec)`.
        method: finds the motion, where `spec` asks for some.

    Raises:
        SourceChanged: (by `push` and `finish`) the frame the checkpoint ended with is not found, or not the same.
    """

    def __init__(
        self, stream: str, spec: ClipSpec, start: StartPoint | None = None, method: MotionMethod | None = None
    ) -> None:
        self._stream = stream
        self._spec = spec
        self._method = method
        self._start = start or StartPoint()
        self._verified = self._start.ordinal < 0
        self._until_s = self._start.until_s
        self._kept = 0
        self._begin(self._start)

    def _begin(self, start: StartPoint) -> None:
        self._epoch = start.epoch
        self._origin_s = start.origin_s
        self._good_end_s = 0.0  # media seconds where the last good frame ceases to be shown
        self._seen_end_s = 0.0  # the same of the last frame, good or damaged
        self._sampler = Sampler(self._spec.fps, start.first_ordinal(self._spec))
        self._window = Window(self._stream, self._spec, start, self._method)

    @property
    def until_s(self) -> float:
        """Timeline seconds up to which clips and gaps have come out."""
        return self._until_s

    @property
    def frames_kept(self) -> int:
        """Grid points whose pixels were taken."""
        return self._kept

    def seconds_of(self, frame: DecodedFrame) -> float:
        """Timeline seconds of a frame of the epoch that the last frame was of."""
        return self._origin_s + frame.pts_s

    def push(self, frame: DecodedFrame) -> list[Clip | Gap]:
        """Take the next frame; return what it completes."""
        if frame.epoch < self._epoch:
            return []
        out: list[Clip | Gap] = []
        if frame.epoch > self._epoch:
            out += self._turn(frame)
        self._seen_end_s = max(self._seen_end_s, frame.pts_s + frame.duration_s)
        if not frame.corrupt:
            self._good_end_s = max(self._good_end_s, frame.pts_s + frame.duration_s)
        waiting = None if frame.corrupt else self._sampler.waiting
        samples = self._sampler.push(frame)
        if waiting is not None and not samples:
            self._window.passed(waiting)
        return out + self._keep(samples, math.inf)

    def finish(self) -> list[Clip | Gap]:
        """Return what remains when the source has ended; damaged frames at the very end become a gap."""
        out = self._end_epoch()
        if not self._verified:
            raise self._changed("it ends before the frame that its checkpoint ended with")
        seen_end_s = self._origin_s + self._seen_end_s
        if seen_end_s - self._until_s > 1 / self._spec.fps:
            out.append(self._gap(seen_end_s, GapReason.CORRUPT))
        return out

    def _turn(self, frame: DecodedFrame) -> list[Clip | Gap]:
        """End the epoch and begin that of `frame`."""
        out = self._end_epoch()
        if not self._verified:
            raise self._changed("an epoch ends before the frame that its checkpoint ended with")
        if frame.skipped_s > 0:
            resumed_s = self._origin_s + self._good_end_s + frame.skipped_s
            if resumed_s > self._until_s:
                out.append(self._gap(resumed_s, frame.skip_reason))
        self._begin(StartPoint.at(self._until_s, frame.epoch))
        return out

    def _end_epoch(self) -> list[Clip | Gap]:
        end_s = self._origin_s + self._good_end_s
        out = self._keep(self._sampler.finish(self._good_end_s), end_s)
        rest = self._window.rest(end_s)
        if rest is not None:
            self._until_s = rest.end_s
            out.append(rest)
        return out

    def _keep(self, samples: list[Sample], end_s: float) -> list[Clip | Gap]:
        out: list[Clip | Gap] = []
        for sample in samples:
            image = self._window.push(sample)
            self._kept += 1
            if not self._verified:
                self._verify(sample.ordinal, image)
            clip = self._window.cut(end_s)
            if clip is not None:
                self._until_s = clip.end_s
                out.append(clip)
        return out

    def _verify(self, ordinal: int, image: UInt8Array) -> None:
        if ordinal < self._start.ordinal:
            return
        if ordinal > self._start.ordinal:
            raise self._changed("the frame that its checkpoint ended with is missing")
        if digest(image) != self._start.digest:
            raise self._changed("the frame that its checkpoint ended with looks different")
        self._verified = True

    def _changed(self, what: str) -> SourceChanged:
        return SourceChanged(f"the source of {self._stream} is not the one that was watched before: {what}")

    def _gap(self, end_s: float, reason: GapReason) -> Gap:
        gap = Gap(self._stream, self._until_s, end_s, reason)
        self._until_s = end_s
        return gap
