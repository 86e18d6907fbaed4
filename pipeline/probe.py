"""What a source holds and what longtake would do with it, for `longtake doctor`."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import synthetic
from pipeline.cutting import cutter_of
from pipeline.decode import DecodeStats, VideoPicture, decode
from pipeline.errors import SourceError
from pipeline.source import SourceInfo, SourceSettings, open_source
from pipeline.source.names import scheme_of
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap

VARIABLE = 1.5  # longest over shortest frame interval from which a rate counts as variable


@dataclass(frozen=True, slots=True)
class Timing:
    """How the frames lie in time.

    Attributes:
        first_pts_s: time stamp of the first frame on the source's own axis, or None.
        missing, repeated, backward: frames whose stamp is absent, equal to, or before the previous one.
        shortest_s, longest_s: least and greatest step forward, or None for a single frame.
        variable: the frame rate varies.
        epochs: stretches of media time without a hole or a jump.
        measured_rate: frames per second of media time.
    """

    first_pts_s: float | None
    missing: int
    repeated: int
    backward: int
    shortest_s: float | None
    longest_s: float | None
    variable: bool
    epochs: int
    measured_rate: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Everything `longtake doctor` tells of a source.

    Attributes:
        info: what the container declares.
        rotation: degrees, counterclockwise, by which pictures are turned to stand upright.
        spec: the clip grid the figures below are for.
        watched_s: timeline seconds covered by clips and gaps.
        complete: the source was read to its end.
        decode_rate: frames a second this machine decodes, the kept ones converted and cut into clips.
        frames_decoded, corrupt, frames_kept, clips: what a run over the same frames counts.
        gaps: stretches a run would leave without an answer.
        errors: what went wrong, a sentence each.
    """

    info: SourceInfo
    rotation: int
    timing: Timing
    spec: ClipSpec
    watched_s: float
    complete: bool
    decode_rate: float
    frames_decoded: int
    corrupt: int
    frames_kept: int
    clips: int
    gaps: tuple[Gap, ...]
    errors: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for `json.dumps`."""
        return asdict(self)


def probe(
    uri: str,
    settings: SourceSettings | None = None,
    *,
    spec: ClipSpec | None = None,
    live_limit_s: float = 10.0,
    threads: int = 1,
) -> Probe:
    """Read a source as a run would, without a model.

    Args:
        uri: anything `open_source` opens, or `synthetic://`.
        spec: the clip grid; the default model's where None.
        live_limit_s: media seconds read of a live source; a recording is read to its end.
        threads: decoder threads.

    Raises:
        SourceError: the source cannot be opened, or gives no frame.
        ModelError: motion is wanted by a method that is not there.
    """
    stats, spec = DecodeStats(), spec or ClipSpec()
    if scheme_of(uri) == "synthetic":
        return _Probing(*_synthetic(uri, stats), stats, spec).run()
    with open_source(uri, settings) as source:
        limit_s = live_limit_s if source.info.live else math.inf
        vectors = spec.motion is not None and spec.motion.method == "vectors"
        frames = decode(source, threads=threads, stats=stats, vectors=vectors)
        return _Probing(source.info, frames, stats, spec, limit_s).run()


def _synthetic(uri: str, stats: DecodeStats) -> tuple[SourceInfo, Iterator[DecodedFrame]]:
    scene, fps, (width, height) = synthetic.parse_uri(uri)
    info = SourceInfo(
        uri=uri,
        kind="synthetic",
        live=False,
        container="synthetic",
        codec="none",
        pix_fmt=None,
        width=width,
        height=height,
        average_rate=fps,
        nominal_rate=fps,
        duration_s=scene.duration_s,
        start_wall_s=None,
    )

    def counted() -> Iterator[DecodedFrame]:
        for frame in synthetic.frames(scene, fps, size=(width, height)):
            stats.frames_decoded += 1
            stats.stamps.see(frame.pts_s)
            yield frame

    return info, counted()


class _Probing:
    """One reading of a source."""

    def __init__(
        self,
        info: SourceInfo,
        frames: Iterator[DecodedFrame],
        stats: DecodeStats,
        spec: ClipSpec,
        limit_s: float = math.inf,
    ) -> None:
        self._info = info
        self._frames = frames
        self._stats = stats
        self._spec = spec
        self._limit_s = limit_s
        self._cutter = cutter_of("probe", spec)
        self._clips = 0
        self._gaps: list[Gap] = []
        self._rotation = 0
        self._epochs = 0
        self._media_s = 0.0
        self._epoch_end_s = 0.0

    def run(self) -> Probe:
        """Read, then sum up."""
        began_s = time.perf_counter()
        complete = self._read()
        self._take(self._cutter.finish())
        decode_rate = self._stats.frames_decoded / (time.perf_counter() - began_s)
        return Probe(
            info=self._info,
            rotation=self._rotation,
            timing=self._timing(),
            spec=self._spec,
            watched_s=self._cutter.until_s,
            complete=complete,
            decode_rate=decode_rate,
            frames_decoded=self._stats.frames_decoded,
            corrupt=self._stats.corrupt,
            frames_kept=self._cutter.frames_kept,
            clips=self._clips,
            gaps=tuple(self._gaps),
            errors=tuple(self._stats.errors),
        )

    def _read(self) -> bool:
        """Return whether the source was read to its end; a fault after the first frame is noted."""
        try:
            for frame in self._frames:
                self._see(frame)
                self._take(self._cutter.push(frame))
                if self._cutter.until_s >= self._limit_s:
                    return False
        except SourceError as error:
            if not self._stats.frames_decoded:
                raise
            self._stats.note(str(error))
            return False
        return True

    def _see(self, frame: DecodedFrame) -> None:
        if frame.epoch >= self._epochs:
            self._epochs = frame.epoch + 1
            self._media_s += self._epoch_end_s
            if isinstance(frame.picture, VideoPicture):
                self._rotation = frame.picture.rotation
        self._epoch_end_s = frame.pts_s + frame.duration_s

    def _take(self, items: list[Clip | Gap]) -> None:
        self._clips += sum(isinstance(item, Clip) for item in items)
        self._gaps += [item for item in items if isinstance(item, Gap)]

    def _timing(self) -> Timing:
        stamps = self._stats.stamps
        shortest_s, longest_s = stamps.shortest_s, stamps.longest_s
        return Timing(
            first_pts_s=stamps.first_s,
            missing=stamps.missing,
            repeated=stamps.repeated,
            backward=stamps.backward,
            shortest_s=shortest_s,
            longest_s=longest_s,
            variable=shortest_s is not None and longest_s is not None and longest_s > VARIABLE * shortest_s,
            epochs=self._epochs,
            measured_rate=self._stats.frames_decoded / (self._media_s + self._epoch_end_s),
        )
