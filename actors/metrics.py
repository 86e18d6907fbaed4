"""Prometheus metrics of every process of a run, served on one port.

A process that finds `PROMETHEUS_MULTIPROC_DIR` in its environment when it imports this module keeps its numbers in
files of that folder, and whoever serves the port adds the files up; otherwise they stay in the process's own registry.
Only actors are given the variable: were it in the environment under which Ray starts, Ray's own processes, which use
the same library, would write into the folder too.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from pipeline.errors import UsageError
from pipeline.hooks import Hooks
from pipeline.values import Clip, Commit, Gap, GapReason, WhoseClock

PREFIX = "longtake-metrics-"
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
LOOPBACK = "127.0.0.1"
MOST_STREAMS = 200
"""Streams a process tells apart; what comes after them is counted under `OTHERS`, so that series stay bounded."""
OTHERS = "(others)"  # no stream can have this name

disable_created_metrics()  # type: ignore[no-untyped-call]

_STREAM = ("stream",)
_DECODED = Counter("longtake_frames_decoded_total", "Frames that left the decoder.", _STREAM)
_CORRUPT = Counter("longtake_frames_corrupt_total", "Frames the decoder reported damage in.", _STREAM)
_DROPPED = Counter("longtake_frames_dropped_total", "Sampled frames that were thrown away.", ("stream", "reason"))
_CLIPS = Counter("longtake_clips_total", "Clips cut.", _STREAM)
_COMMITS = Counter("longtake_commits_total", "Commits the timeline store took.", ("stream", "result"))
_COMMIT_SECONDS = Histogram("longtake_commit_seconds", "How long the store took for a commit.")
_GAPS = Counter("longtake_gap_seconds_total", "Seconds without an answer.", ("stream", "reason"))
_SEGMENTS = Counter("longtake_segments_total", "Segments that became final.", ("stream", "label"))
_RESTORES = Counter("longtake_state_restores_total", "Lanes that went on from a checkpoint.", _STREAM)
_UNTIL = Gauge(
    "longtake_stream_until_seconds", "Timeline time reached by the clips.", _STREAM, multiprocess_mode="livemax"
)
_RECONNECTS = Counter(
    "longtake_reconnects_total", "Times a live source was lost, or did not come.", ("stream", "reason")
)
_UP = Gauge("longtake_stream_up", "1 while a live source shows pictures.", _STREAM, multiprocess_mode="livemax")
_LAG = Gauge(
    "longtake_lag_seconds",
    "How far a live stream's answers are behind the clock.",
    _STREAM,
    multiprocess_mode="livemax",
)
_QUEUED = Gauge("longtake_queue_depth", "Clips that wait for the model.", _STREAM, multiprocess_mode="livemax")
_END_TO_END = Histogram(
    "longtake_clip_e2e_seconds",
    "From a cut clip to its committed scores.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
_BATCH = Histogram(
    "longtake_batch_size", "Requests a model worker answered in one call.", ("kind",), buckets=(1, 2, 4, 8, 16, 32, 64)
)
_BATCH_SECONDS = Histogram("longtake_batch_seconds", "How long a model worker computed one call.", ("kind",))


class PrometheusHooks(Hooks):
    """Counts what the flow tells."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._decoded: dict[str, Counter] = {}  # looking a labelled series up costs more than moving it
        self._live: set[str] = set()
        self._fps = 0.0

    def opened(self, stream: str, duration_s: float | None) -> None:
        """What may happen to a stream is there from the start, as zero: a missing series looks like a broken one."""
        name = self._name(stream)
        for metric in (_DECODED, _CORRUPT, _CLIPS):
            metric.labels(name)
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
        _COMMIT_SECONDS.observe(seconds)
        if name in self._live and name != OTHERS:
            _LAG.labels(name).set(time.time() - commit.checkpoint.until_s)
        for gap in commit.gaps:
            _GAPS.labels(name, gap.reason).inc(gap.end - gap.start)
        for segment in commit.closed:
            _SEGMENTS.labels(name, segment.label).inc()

    def answered(self, stream: str, seconds: float) -> None:
        _END_TO_END.observe(seconds)

    def restored(self, stream: str) -> None:
        _RESTORES.labels(self._name(stream)).inc()

    def _name(self, stream: str) -> str:
        if stream not in self._names and len(self._names) < MOST_STREAMS:
            self._names.add(stream)
        return stream if stream in self._names else OTHERS


class FolderCollector(Collector):
    """Adds up the files that the processes of a run keep in one folder.

    Counts of a process that has died stay, since what it did was done; its gauges vanish, since nobody moves them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = list(self._folder.glob("*.db"))
        for pid in {int(file.stem.rsplit("_", 1)[1]) for file in files}:
            if not _alive(pid):
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        begun = [str(file) for file in files if file.exists() and file.stat().st_size]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(begun)  # type: ignore[no-untyped-call]
        return metrics


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def served(port: int, host: str = LOOPBACK, shared: bool = False) -> Iterator[Path | None]:
    """Serve metrics at http://host:port/metrics as long as the context lasts; without a port (0) do nothing.

    Yields the folder that is to be `DIRECTORY` in the environment of every process that shall be seen where they are
    `shared`, else None: then what is served is this process's own registry. The folder is removed at the end.

    Raises:
        UsageError: the port is taken or not allowed, or `host` is no address of this machine.
    """
    with ExitStack() as stack:
        folder = None
        if port and shared:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)))
        if port:
            stack.enter_context(_listening(port, host, _joined(folder) if folder else REGISTRY))
        yield folder


def _joined(folder: Path) -> CollectorRegistry:
    """What the folder's processes count, and the memory and processor time of this one."""
    registry = CollectorRegistry()
    registry.register(FolderCollector(folder))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


@contextmanager
def _listening(port: int, host: str, registry: CollectorRegistry) -> Iterator[None]:
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"metrics cannot be served on {host}:{port} ({reason}); give another --metrics-port, or 0 for none"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
