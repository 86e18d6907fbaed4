"""The flow: one stream from its source to its commits. The stages know nothing of each other; they meet here.

source ─▶ decoder ─▶ clips ─▶ [lane queue] ─▶ lane: encode, remember, segment ─▶ commit
└────────── reader thread ──────────┘          └─────────── caller's thread ───────────┘
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.clock import Clock
from pipeline.errors import LongtakeError, StoreError, UsageError, redact
from pipeline.hooks import Fanout, Hooks
from pipeline.lane import Lane, ModelPool
from pipeline.lane_queue import DropPolicy, LaneLimits, LaneQueue
from pipeline.models.card import ModelCard
from pipeline.reader import Reader
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.source import SourceSettings
from pipeline.tally import Tally
from pipeline.timeline.records import Lease, StreamState
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit


class FlowSettings(BaseModel):
    """How streams are read and driven."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SourceSettings = SourceSettings()
    lane: LaneLimits = LaneLimits()
    decode_threads: int = Field(default=1, ge=1, description="threads of each stream's decoder")


@dataclass(frozen=True, slots=True)
class Job:
    """One stream to run.

    Attributes:
        stream: its name.
        uri: where its video is.
        start_time_s: timeline seconds of a recording's first frame.
    """

    stream: str
    uri: str = field(repr=False)
    start_time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a job.

    Attributes:
        state: `ended`, `failed`, or `paused` when it was stopped before the end.
        errors: damage that was survived.
        error: the sentence to show where it failed, else empty.
        exit_code: what the error asks a program to exit with.
    """

    stream: str
    state: StreamState
    frames_decoded: int = 0
    frames_kept: int = 0
    clips: int = 0
    errors: tuple[str, ...] = ()
    error: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Serving:
    """The model a stream is run with: what its card says, who computes, and the digest of the numerics profile."""

    card: ModelCard
    pool: ModelPool
    numerics: str


class StreamRun:
    """Runs one job to its end, or until it is told to stop.

    A failure of the source, the model or the store ends the run with a report; what was committed stays, and another
    run of the same job goes on from there.
    """

    def __init__(
        self, job: Job, serving: Serving, store: TimelineStore, settings: FlowSettings, hooks: Hooks, clock: Clock
    ) -> None:
        self._job = job
        self._serving = serving
        self._store = store
        self._settings = settings
        self._tally = Tally()
        self._hooks = Fanout(self._tally, hooks)
        self._clock = clock
        self._stop = threading.Event()
        spec, source = serving.card.clip, settings.source
        self._reader = Reader(job.stream, job.uri, spec, source, settings.decode_threads, self._hooks, clock)
        self._source_error: LongtakeError | None = None

    def stop(self) -> None:
        """Ask the run to end after the frame it is at; may be called from any thread."""
        self._stop.set()

    def run(self) -> Report:
        """Drive the stream; returns when it has ended, failed or stopped."""
        try:
            self._require_same_source_and_model()
            card = self._serving.card
            lease = self._store.claim(self._job.stream, self._job.uri, card.fingerprint, frozenset(card.labels))
        except LongtakeError as error:
            return self._report("failed", error)
        try:
            state: StreamState = "ended" if lease.checkpoint and lease.checkpoint.finished else self._drive(lease)
            self._store.set_state(lease, state)
            return self._report(state)
        except LongtakeError as error:
            self._tell(lease, error)
            return self._report("failed", error)

    def _drive(self, lease: Lease) -> StreamState:
        """Read in one thread, commit in this one; the first failure of either ends both."""
        checkpoint = lease.checkpoint or self._beginning()
        if lease.checkpoint:
            self._hooks.restored(self._job.stream)
        queue = LaneQueue(self._settings.lane, self._hooks, self._clock)
        lane = self._lane(queue, lease, checkpoint)
        self._store.set_state(lease, "running")
        with ThreadPoolExecutor(1, thread_name_prefix=f"read-{self._job.stream}") as threads:
            reading = threads.submit(self._read, queue, checkpoint)
            try:
                while lane.step():
                    pass
            finally:
                self._stop_reading(queue)
        live = self._reader.live
        if live or not (self._stop.is_set() or reading.exception()):
            lane.finish(finished=not live)
        reading.result()
        return "paused" if self._stop.is_set() and not live else "ended"

    def _read(self, queue: LaneQueue, checkpoint: Checkpoint) -> None:
        try:
            with closing(self._reader.read(checkpoint, self._stop)) as items:
                for item in items:
                    default: DropPolicy = "drop_oldest" if self._reader.live else "wait"
                    if not queue.put(item, self._settings.lane.policy or default):
                        return
        finally:
            queue.end()

    def _stop_reading(self, queue: LaneQueue) -> None:
        """After a failure of the lane the reader must not wait for it; after its own end there is nothing to stop."""
        if not queue.drained():
            self._stop.set()
            queue.end()

    def _lane(self, queue: LaneQueue, lease: Lease, checkpoint: Checkpoint) -> Lane:
        card = self._serving.card
        segmenter = Segmenter(self._job.stream, card.fingerprint, Rules.from_card(card.labels, card.segmenter))
        store = _Bound(self._store, lease)
        limits = self._settings.lane
        return Lane(queue, self._serving.pool, segmenter, store, checkpoint, limits, self._hooks, self._clock)

    def _beginning(self) -> Checkpoint:
        """The checkpoint of a stream nobody has watched yet."""
        return Checkpoint(
            stream=self._job.stream,
            epoch=0,
            step=-1,
            origin_s=self._job.start_time_s,
            ordinal=-1,
            pts_s=0.0,
            digest=bytes(16),
            until_s=self._job.start_time_s,
            answered_s=self._job.start_time_s,
            temporal_state=np.empty(0, np.float32),
            segmenter_state=b"",
            pending_gap=None,
            numerics=self._serving.numerics,
            model=self._serving.card.fingerprint,
            source=redact(self._job.uri),
        )

    def _require_same_source_and_model(self) -> None:
        """A timeline is of one source and one model; another one needs another name."""
        stored = {info.name: info for info in self._store.streams()}.get(self._job.stream)
        if stored is None or not stored.until_s:
            return
        name, given = self._job.stream, redact(self._job.uri)
        if stored.source != given:
            raise UsageError(
                f"stream {name!r} holds the timeline of {stored.source}, not of {given}; "
                "give another --name, or --fresh to begin anew"
            )
        if stored.model != self._serving.card.fingerprint:
            raise UsageError(
                f"stream {name!r} was watched by model {stored.model}, not by {self._serving.card.fingerprint}; "
                "give another --name, or --fresh to begin anew"
            )

    def _tell(self, lease: Lease, error: LongtakeError) -> None:
        """Leave the reason with the stream, if the store still takes it."""
        with suppress(StoreError):
            self._store.set_state(lease, "failed", str(error))

    def _report(self, state: StreamState, error: LongtakeError | None = None) -> Report:
        progress = self._tally.of(self._job.stream)
        return Report(
            stream=self._job.stream,
            state=state,
            frames_decoded=self._reader.stats.frames_decoded,
            frames_kept=progress.frames_kept,
            clips=progress.clips,
            errors=tuple(self._reader.stats.errors),
            error=str(error) if error else "",
            exit_code=error.exit_code if error else 0,
        )


@dataclass(frozen=True, slots=True)
class _Bound:
    """The store as one lane may use it."""

    store: TimelineStore
    lease: Lease

    def commit(self, commit: Commit) -> str:
        return self.store.commit(self.lease, commit)
