"""Prometheus metrics of the flow: what a process that decodes or computes counts."""

import math
import time

from prometheus_client import Counter, Gauge, Histogram

from actors.metrics_folder import NEWEST, OTHERS
from pipeline.hooks import Hooks
from pipeline.models.card import ModelCard
from pipeline.models.numerics import Numerics
from pipeline.values import Clip, Commit, Gap, GapReason, WhoseClock

MOST_STREAMS = 200
"""Streams a process tells apart; what comes after them is counted under `OTHERS`, so that series stay bounded."""
MOST_ACTIONS = 2_000
"""Pairs of stream and label a process tells apart."""

_STREAM = ("stream",)
_DECODED = Counter("longtake_frames_decoded_total", "Frames that left the decoder.", _STREAM)
_CORRUPT = Counter("longtake_frames_corrupt_total", "Frames the decoder reported damage in.", _STREAM)
_DROPPED = Counter("longtake_frames_dropped_total", "Sampled frames that were thrown away.", ("stream", "reason"))
_CLIPS = Counter("longtake_clips_total", "Clips cut.", _STREAM)
_COMMITS = Counter("longtake_commits_total", "Commits the timeline store took.", ("stream", "result"))
_COMMIT_SECONDS = Histogram("longtake_commit_seconds", "How long the store took for a commit.")
STORE_SECONDS = Histogram("longtake_store_seconds", "How long the store took for an operation.", ("operation",))
_GAPS = Counter("longtake_gap_seconds_total", "Seconds without an answer.", ("stream", "reason"))
_SEGMENTS = Counter("longtake_segments_total", "Segments that became final.", ("stream", "label"))
_RESTORES = Counter("longtake_state_restores_total", "Lanes that went on from a checkpoint.", _STREAM)
_UNTIL = Gauge(
    "longtake_stream_until_seconds", "Timeline time reached by the clips.", _STREAM, multiprocess_mode=NEWEST
)
_RECONNECTS = Counter(
    "longtake_reconnects_total", "Times a live source was lost, or did not come.", ("stream", "reason")
)
_UP = Gauge("longtake_stream_up", "1 while a live source shows pictures.", _STREAM, multiprocess_mode=NEWEST)
_LAG = Gauge(
    "longtake_lag_seconds",
    "How far a live stream's answers are behind the clock.",
    _STREAM,
    multiprocess_mode=NEWEST,
)
_QUEUED = Gauge("longtake_queue_depth", "Clips that wait for the model.", _STREAM, multiprocess_mode=NEWEST)
_ACTION = Gauge(
    "longtake_action", "1 while a segment of the label is open.", ("stream", "label"), multiprocess_mode=NEWEST
)
_END_TO_END = Histogram(
    "longtake_clip_e2e_seconds",
    "From a cut clip to its committed scores.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
_BATCH = Histogram(
    "longtake_batch_size", "Requests a model worker answered in one call.", ("kind",), buckets=(1, 2, 4, 8, 16, 32, 64)
)
_BATCH_SECONDS = Histogram("longtake_batch_seconds", "How long a model worker computed one call.", ("kind",))
_MODEL = Gauge(
    "longtake_model_info",
    "1 for the model that a model worker serves.",
    ("model", "fingerprint", "device", "dtype"),
    multiprocess_mode=NEWEST,
)


def show_model(card: ModelCard, numerics: Numerics) -> None:
    """Say whose answers this process gives, and how it computes them."""
    _MODEL.labels(card.name, card.fingerprint, numerics.device_kind, numerics.dtype).set(1)


class PrometheusHooks(Hooks):
    """Counts what the flow tells."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._decoded: dict[str, Counter] = {}  # looking a labelled series up costs more than moving it
        self._live: set[str] = set()
        self._labels: dict[str, set[str]] = {}  # by stream, whose thread alone touches its set
        self._pairs = 0
        self._open: dict[str, frozenset[str]] = {}
        self._fps = 0.0

    def opened(self, stream: str, duration_s: float | None) -> None:
        """What may happen to a stream is there from the start, as zero: a missing series looks like a broken one."""
        name = self._name(stream)
        for metric in (_DECODED, _CORRUPT, _CLIPS, _RESTORES):
            metric.labels(name)
        for reason in (GapReason.CAMERA_DOWN, GapReason.STALLED) if duration_s is None else ():
            _RECONNECTS.labels(name, reason)
        _DROPPED.labels(name, GapReason.DROPPED)
        _COMMITS.labels(name, "ok")

    def decoded(self, stream: str, corrupt: bool) -> None:
        name = self._name(stream)
        series = self._decoded.get(name)
        if series is None:
            series = self._decoded[name] = _DECODED.labels(name)
        series.inc()
        if corrupt:
            _CORRUPT.labels(name).inc()

    def connected(self, stream: str, clock: WhoseClock) -> None:
        name = self._name(stream)
        self._live.add(name)
        if name != OTHERS:
            _UP.labels(name).set(1)

    def disconnected(self, stream: str, reason: GapReason, error: str) -> None:
        name = self._name(stream)
        _RECONNECTS.labels(name, reason).inc()
        if name != OTHERS:
            _UP.labels(name).set(0)

    def queued(self, stream: str, clips: int) -> None:
        if (name := self._name(stream)) != OTHERS:
            _QUEUED.labels(name).set(clips)

    def kept(self, stream: str, until_s: float) -> None:
        if (name := self._name(stream)) != OTHERS:
            _UNTIL.labels(name).set(until_s)

    def clip(self, clip: Clip) -> None:
        _CLIPS.labels(self._name(clip.stream)).inc()
        if clip.pts_s:
            self._fps = clip.ordinal / clip.pts_s  # of the grid that the model wants, one for all streams

    def dropped(self, stream: str, gap: Gap) -> None:
        """A dropped clip loses the frames it alone would have answered for."""
        frames = max(1, round((gap.end - gap.start) * self._fps))
        _DROPPED.labels(self._name(stream), gap.reason).inc(frames)

    def batch(self, kind: str, size: int, seconds: float) -> None:
        _BATCH.labels(kind).observe(size)
        _BATCH_SECONDS.labels(kind).observe(seconds)

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        name = self._name(commit.stream)
        _COMMITS.labels(name, result).inc()
        for taken in (_COMMIT_SECONDS, STORE_SECONDS.labels("commit")):
            taken.observe(seconds)
        if name in self._live and name != OTHERS:
            _LAG.labels(name).set(time.time() - commit.checkpoint.until_s)
        for gap in commit.gaps:
            _GAPS.labels(name, gap.reason).inc(gap.end - gap.start)
        for segment in commit.closed:
            _SEGMENTS.labels(name, self._label(name, segment.label)).inc()
        self._show_open(name, frozenset(segment.label for segment in commit.still_open))

    def answered(self, stream: str, seconds: float) -> None:
        _END_TO_END.observe(seconds)

    def restored(self, stream: str) -> None:
        _RESTORES.labels(self._name(stream)).inc()

    def over(self, stream: str) -> None:
        """Nobody measures the stream here any more: another process may, and two would contradict each other."""
        if (name := self._name(stream)) == OTHERS:
            return
        for gauge in (_UNTIL, _UP, _LAG, _QUEUED):
            gauge.labels(name).set(math.nan)
        for label in self._labels.get(name, ()):
            _ACTION.labels(name, label).set(math.nan)
        self._open.pop(name, None)
        self._live.discard(name)

    def _show_open(self, name: str, labels: frozenset[str]) -> None:
        before, self._open[name] = self._open.get(name, frozenset()), labels
        for label in before ^ labels:
            if name != OTHERS and self._label(name, label) != OTHERS:
                _ACTION.labels(name, label).set(label in labels)

    def _label(self, name: str, label: str) -> str:
        known = self._labels.setdefault(name, set())
        if label not in known and self._pairs < MOST_ACTIONS:
            known.add(label)
            self._pairs += 1
        return label if label in known else OTHERS

    def _name(self, stream: str) -> str:
        if stream not in self._names and len(self._names) < MOST_STREAMS:
            self._names.add(stream)
        return stream if stream in self._names else OTHERS
