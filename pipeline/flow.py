"""The flow: one stream from its source to its commits. The stages know nothing of each other; they meet here.

source ─▶ decoder ─▶ clips ─▶ [lane queue] ─▶ lane: encode, remember, segment ─▶ commit
└────────── reader thread ──────────┘          └─────────── caller's thread ───────────┘
"""

import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.clock import Clock
from pipeline.errors import LongtakeError, StoreBehind, StoreError, UsageError, redact
from pipeline.hooks import Fanout, Hooks
from pipeline.lane import Lane, ModelPool
from pipeline.lane_queue import DropPolicy, LaneContext, LaneLimits, LaneQueue
from pipeline.live import LiveSettings
from pipeline.model_swap import handed_over
from pipeline.models.card import ModelCard
from pipeline.outbox import Outbox, Patience
from pipeline.reader import Reader, ReadSettings
from pipeline.replay.log import LaneLog, LogSettings
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.source import SourceSettings
from pipeline.tally import Tally
from pipeline.timeline.records import Lease, StreamInfo, StreamState
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, ClipSpec, GapReason, WhoseClock


class FlowSettings(BaseModel):
    """How streams are read and driven."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SourceSettings = SourceSettings()
    live: LiveSettings = LiveSettings()
    lane: LaneLimits = LaneLimits()
    log: LogSettings = LogSettings()
    decode_threads: int = Field(default=1, ge=1, description="threads of each stream's decoder")
    store_patience_s: float = Field(default=60.0, ge=0, description="how long to wait for a store that went away")
    store_loss_s: float = Field(default=10.0, ge=0, description="how much a crashed store may lose and get again")


@dataclass(frozen=True, slots=True)
class Job:
    """One stream to run.

    Attributes:
        stream: its name.
        uri: where its video is.
        start_time_s: timeline seconds of a recording's first frame.
        live: a live source that ends or fails is tried again, and a store that is away waited for, until the run stops;
            a timeline begun by another model goes on.
        policy: what happens to a clip that finds the queue full, where not as the settings say.
        fps: frames a second to sample, where not as the model says.
        realtime: a recording is read no faster than it was filmed.
    """

    stream: str
    uri: str = field(repr=False)
    start_time_s: float = 0.0
    live: bool = False
    policy: DropPolicy | None = None
    fps: float | None = None
    realtime: bool = False


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
        self._hooks = Fanout(self._tally, hooks, _Announcer(self))
        self._clock = clock
        self._stop = threading.Event()  # the run must end
        self._halt = threading.Event()  # the reader of the present drive must
        self._lease: Lease | None = None
        self._next: Serving | None = None  # takes over at the next step border
        self._queue: LaneQueue | None = None
        self._keep = 1.0
        read = ReadSettings(settings.source, settings.live, job.live, job.realtime, settings.decode_threads)
        self._reader = Reader(job.stream, job.uri, self._spec(serving), read, self._hooks, clock)

    def _spec(self, serving: Serving) -> ClipSpec:
        spec = serving.card.clip
        return spec if self._job.fps is None else replace(spec, fps=self._job.fps)

    @property
    def token(self) -> str:
        """By what the store knows this run as the stream's owner; empty until it is."""
        return self._lease.token if self._lease else ""

    def stop(self) -> None:
        """Ask the run to end after the frame it is at; may be called from any thread."""
        self._stop.set()
        self._halt.set()

    def swap(self, serving: Serving) -> bool:
        """Let another model go on from the next step border; may be called from any thread.

        False where that takes another run: this one has not begun, or the model wants other clips.

        Raises:
            StoreError: nothing has changed.
        """
        if self._lease is None or self._spec(serving) != self._spec(self._serving):
            return False
        self._lease = self._store.widen(self._lease, frozenset(serving.card.labels))
        self._next = serving
        return True

    def shed(self, keep: float) -> None:
        """Let in only this share, 0…1, of a live stream's clips; may be called from any thread."""
        self._keep = keep
        if self._queue is not None:
            self._queue.keep = keep

    def pressure(self) -> tuple[int, int]:
        """As `LaneQueue.pressure`; may be called from any thread."""
        return (0, 0) if self._queue is None else self._queue.pressure()

    def run(self) -> Report:
        """Drive the stream; returns when it has ended, failed or stopped."""
        try:
            return self._run()
        finally:
            self._hooks.over(self._job.stream)

    def _run(self) -> Report:
        try:
            known = self._known()
            card = self._serving.card
            lease = self._store.claim(self._job.stream, self._job.uri, card.fingerprint, frozenset(card.labels))
        except LongtakeError as error:
            return self._report("failed", error)
        self._lease = lease
        try:
            state: StreamState = "ended"
            if lease.checkpoint is None or not lease.checkpoint.finished:
                state = self._watch(lease, GapReason.PAUSED if known and known.state == "paused" else GapReason.RESTART)
            self.announce(state)
            return self._report(state)
        except LongtakeError as error:
            with suppress(StoreError):
                self.announce("failed", str(error))
            return self._report("failed", error)

    def announce(self, state: StreamState, error: str = "", clock: WhoseClock | None = None) -> None:
        """Leave the state with the stream."""
        if self._lease is not None:
            self._store.set_state(self._lease, state, error, clock)

    def _watch(self, lease: Lease, absent: GapReason) -> StreamState:
        """Drive from the checkpoint; a store that lost more than the lane remembers says where to go on."""
        checkpoint = lease.checkpoint
        while True:
            if checkpoint and checkpoint.model != self._serving.card.fingerprint:
                checkpoint = self._taken_over(lease, checkpoint)
            try:
                return self._drive(checkpoint, absent)
            except StoreBehind:
                checkpoint, absent = self._store.checkpoint(lease), GapReason.STORE_DOWN

    def _taken_over(self, lease: Lease, checkpoint: Checkpoint) -> Checkpoint:
        """What another model left, as this one begins with it."""
        commit = handed_over(checkpoint, self._serving.card.fingerprint, self._serving.numerics)
        self._hooks.committed(commit, self._store.commit(lease, commit), 0.0)
        return commit.checkpoint

    def _drive(self, stored: Checkpoint | None, absent: GapReason) -> StreamState:
        """Read in one thread, commit in this one; the first failure of either ends both."""
        if stored:
            self._hooks.restored(self._job.stream)
        checkpoint = stored or self._beginning()
        queue = self._queue = LaneQueue(LaneContext(self._settings.lane, self._hooks, self._clock))
        queue.keep = self._keep
        self._halt = threading.Event()
        if self._stop.is_set():
            self._halt.set()
        self.announce("running")
        with ThreadPoolExecutor(1, thread_name_prefix=f"read-{self._job.stream}") as threads:
            reading = threads.submit(self._read, queue, checkpoint, absent)
            try:
                following: Checkpoint | None = checkpoint
                while following:
                    following = self._answer(queue, following, reading)
            finally:
                self._stop_reading(queue)
            reading.result()
        return "paused" if self._stop.is_set() and (self._job.live or not self._reader.live) else "ended"

    def _answer(self, queue: LaneQueue, checkpoint: Checkpoint, reading: "Future[None]") -> Checkpoint | None:
        """Drive one lane; return what the next one begins with if the model was swapped, None if the source ended."""
        with self._log(checkpoint) as log:
            lane = self._lane(queue, checkpoint, log)
            while lane.step():
                if self._next is not None:
                    self._serving, self._next = self._next, None
                    return lane.hand_over(self._serving.card.fingerprint, self._serving.numerics)
            live = self._reader.live
            if live or not (reading.exception() or self._stop.is_set()):
                lane.finish(finished=not live)
        return None

    def _log(self, checkpoint: Checkpoint) -> AbstractContextManager[LaneLog | None]:
        if self._settings.log.folder is None:
            return nullcontext()
        return LaneLog(self._settings.log, checkpoint, self.token, round(self._clock.wall_s() * 1e9))

    def _read(self, queue: LaneQueue, checkpoint: Checkpoint, absent: GapReason) -> None:
        try:
            with closing(self._reader.read(checkpoint, self._halt, absent)) as items:
                for item in items:
                    default: DropPolicy = "drop_oldest" if self._reader.live else "wait"
                    if not queue.put(item, self._job.policy or self._settings.lane.policy or default):
                        return
        finally:
            queue.end()

    def _stop_reading(self, queue: LaneQueue) -> None:
        """After a failure of the lane the reader must not wait for it; after its own end there is nothing to stop."""
        if not queue.drained():
            self._halt.set()
            queue.end()

    def _lane(self, queue: LaneQueue, checkpoint: Checkpoint, log: LaneLog | None) -> Lane:
        def away(gone: bool) -> None:
            queue.drop_reason = GapReason.STORE_DOWN if gone else GapReason.DROPPED

        assert self._lease is not None
        card = self._serving.card
        segmenter = Segmenter(self._job.stream, card.fingerprint, Rules.from_card(card.labels, card.segmenter))
        patience = Patience(math.inf if self._job.live else self._settings.store_patience_s, self._stop, away)
        outbox = Outbox(self._store, self._lease, patience, self._settings.store_loss_s, self._clock)
        return Lane(queue, self._serving.pool, segmenter, outbox, checkpoint, log)

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

    def _known(self) -> StreamInfo | None:
        """The stream as it is stored. A timeline is of one source, and outside of serving of one model."""
        stored = {info.name: info for info in self._store.streams()}.get(self._job.stream)
        if stored is None or not stored.until_s:
            return None
        name, given = self._job.stream, redact(self._job.uri)
        if stored.source != given:
            raise UsageError(
                f"stream {name!r} holds the timeline of {stored.source}, not of {given}; "
                "give another --name, or --fresh to begin anew"
            )
        if stored.model != self._serving.card.fingerprint and not self._job.live:
            raise UsageError(
                f"stream {name!r} was watched by model {stored.model}, not by {self._serving.card.fingerprint}; "
                "give another --name, or --fresh to begin anew"
            )
        return stored

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


class _Announcer(Hooks):
    """Tells the store when a live source comes and goes, if the store listens."""

    def __init__(self, run: StreamRun) -> None:
        self._run = run

    def connected(self, stream: str, clock: WhoseClock) -> None:
        with suppress(StoreError):
            self._run.announce("running", clock=clock)

    def disconnected(self, stream: str, reason: GapReason, error: str) -> None:
        with suppress(StoreError):
            self._run.announce("reconnecting", error)
