"""Prometheus metrics of every process of a run, joined on one port.

Where `PROMETHEUS_MULTIPROC_DIR` is set before this module is imported, each process writes its own file there and
whoever serves the port adds the files up; else there is one process and its own registry.
"""

import os
import threading

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from pipeline.hooks import Hooks
from pipeline.values import Clip, Commit, Gap

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

_STREAM = ("stream",)
_DECODED = Counter("longtake_frames_decoded_total", "Frames that left the decoder.", _STREAM)
_CORRUPT = Counter("longtake_frames_corrupt_total", "Frames the decoder reported damage in.", _STREAM)
_CLIPS = Counter("longtake_clips_total", "Clips cut.", _STREAM)
_DROPPED = Counter("longtake_clips_dropped_total", "Clips thrown away by policy.", ("stream", "reason"))
_GAPS = Counter("longtake_gap_seconds_total", "Seconds without an answer.", ("stream", "reason"))
_COMMITS = Counter("longtake_commits_total", "Commits to the timeline store.", ("stream", "result"))
_COMMIT_SECONDS = Histogram("longtake_commit_seconds", "How long the store took for a commit.")
_SEGMENTS = Counter("longtake_segments_total", "Segments that became final.", ("stream", "label"))
_RESTORES = Counter("longtake_state_restores_total", "Lanes that went on from a checkpoint.", _STREAM)
_END_TO_END = Histogram(
    "longtake_clip_e2e_seconds",
    "From a cut clip to its committed scores.",
    _STREAM,
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_BATCH = Histogram(
    "longtake_batch_size", "Requests a model worker answered in one call.", ("kind",), buckets=(1, 2, 4, 8, 16, 32, 64)
)
_BATCH_SECONDS = Histogram("longtake_batch_seconds", "How long a model worker computed one call.", ("kind",))
_UNTIL = Gauge("longtake_stream_until_seconds", "Media time reached by the decoder.", _STREAM, multiprocess_mode="max")


class PrometheusHooks(Hooks):
    """Counts what the flow tells."""

    def decoded(self, stream: str, corrupt: bool) -> None:
        _DECODED.labels(stream).inc()
        if corrupt:
            _CORRUPT.labels(stream).inc()

    def kept(self, stream: str, until_s: float) -> None:
        _UNTIL.labels(stream).set(until_s)

    def clip(self, clip: Clip) -> None:
        _CLIPS.labels(clip.stream).inc()

    def dropped(self, stream: str, gap: Gap) -> None:
        _DROPPED.labels(stream, gap.reason).inc()

    def batch(self, kind: str, size: int, seconds: float) -> None:
        _BATCH.labels(kind).observe(size)
        _BATCH_SECONDS.labels(kind).observe(seconds)

    def committed(self, commit: Commit, result: str, seconds: float) -> None:
        _COMMITS.labels(commit.stream, result).inc()
        _COMMIT_SECONDS.observe(seconds)
        for gap in commit.gaps:
            _GAPS.labels(commit.stream, gap.reason).inc(gap.end - gap.start)
        for segment in commit.closed:
            _SEGMENTS.labels(commit.stream, segment.label).inc()

    def answered(self, stream: str, seconds: float) -> None:
        _END_TO_END.labels(stream).observe(seconds)

    def restored(self, stream: str) -> None:
        _RESTORES.labels(stream).inc()


def serve(port: int, address: str = "127.0.0.1") -> threading.Thread:
    """Serve the joined metrics of all processes on http://address:port/metrics.

    Raises:
        OSError: the port is taken.
    """
    registry = REGISTRY
    if DIRECTORY in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    _, thread = start_http_server(port, address, registry)
    return thread
