"""The lane: one stream's clips in, one stream's commits out, in the order of its steps."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from pipeline.clock import Clock
from pipeline.hooks import Hooks
from pipeline.lane_queue import LaneLimits, LaneQueue
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.segment.segmenter import Changes, Segmenter, pack, unpack
from pipeline.values import Checkpoint, Clip, Commit, Float32Array, Gap, Scores, Segment, UInt8Array


class ModelPool(Protocol):
    """Where a lane sends its requests: model workers in this process or elsewhere."""

    def encode(self, clip: UInt8Array) -> "Future[Float32Array]":
        """Features D of a clip T×H×W×3; in any order."""

    def remember(self, request: RememberRequest) -> "Future[Remembered]":
        """Scores and new state of consecutive steps."""

    def infer(self, clip: UInt8Array, gap_s: float, state: Float32Array | None) -> "Future[Remembered]":
        """Both in one call, for a clip that nothing waits beside."""


class Commits(Protocol):
    """Where a lane writes: the timeline store, bound to this lane's lease."""

    def commit(self, commit: Commit) -> str:
        """Write one commit; returns `ok` or `repeated`.

        Raises:
            Fenced: another owner holds the stream.
            StoreError: nothing was written.
        """


@dataclass(slots=True)
class _Waiting:
    """One item in the lane and, for a clip, what it waits for: its features, or its whole answer."""

    item: Clip | Gap
    since_s: float
    features: "Future[Float32Array] | None" = None
    answer: "Future[Remembered] | None" = None

    def future(self) -> "Future[Float32Array] | Future[Remembered]":
        future = self.features or self.answer
        assert future is not None, "gaps wait for nothing"
        return future


class Lane:
    """Drives one stream: encodes ahead, remembers and segments in order, commits.

    `step` is one iteration and may be called by any loop; it blocks while it waits for clips or for the model.
    Nothing is kept that a checkpoint does not hold: a lane can be dropped at any time and made again from the store.
    """

    def __init__(
        self,
        queue: LaneQueue,
        pool: ModelPool,
        segmenter: Segmenter,
        store: Commits,
        checkpoint: Checkpoint,
        limits: LaneLimits,
        hooks: Hooks,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._segmenter = segmenter
        self._store = store
        self._limits = limits
        self._hooks = hooks
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._state: Float32Array | None = checkpoint.temporal_state if len(checkpoint.temporal_state) else None
        self._segments = (
            unpack(checkpoint.segmenter_state, len(segmenter.rules.labels))
            if checkpoint.segmenter_state
            else segmenter.initial_state()
        )
        self.checkpoint = checkpoint

    def step(self) -> bool:
        """Do what can be done now; False when the queue has ended and everything is committed."""
        self._submit()
        if not self._waiting:
            return not self._queue.drained()
        run = self._ready()
        if run:
            self._commit(run)
        return True

    def finish(self, finished: bool) -> None:
        """The source has ended: close every segment. A recording is `finished`; a live stream may come back."""
        changes, self._segments = self._segmenter.finish(self._segments)
        done = replace(self.checkpoint, segmenter_state=pack(self._segments), finished=finished)
        self._write(_Work(done, done.step + 1, closed=list(changes.closed)))

    def _submit(self) -> None:
        """Move clips from the queue into flight; wait for one only if nothing else is under way."""
        while (under_way := self._under_way()) < self._limits.in_flight:
            queued = self._queue.take(wait=not under_way)
            if queued is None:
                return
            waiting = _Waiting(queued.item, queued.since_s)
            if isinstance(queued.item, Clip):
                self._ask(waiting, queued.item)
            self._waiting.append(waiting)

    def _ask(self, waiting: _Waiting, clip: Clip) -> None:
        """A clip that is alone takes one fused call; one with company is encoded ahead of its turn."""
        if not len(self._queue) and not self._under_way():
            gap_s = self._gap_s(clip, self.checkpoint.until_s)
            waiting.answer = self._pool.infer(clip.frames, gap_s, self._remembered(gap_s))
        else:
            waiting.features = self._pool.encode(clip.frames)

    def _under_way(self) -> int:
        return sum(isinstance(waiting.item, Clip) for waiting in self._waiting)

    def _remembered(self, gap_s: float) -> Float32Array | None:
        return None if gap_s > self._limits.forget_s else self._state

    @staticmethod
    def _gap_s(clip: Clip, until_s: float) -> float:
        return max(0.0, clip.start_s - until_s)

    def _ready(self) -> list[_Waiting]:
        """The answered items at the head, waiting for the first: steps of one epoch, gaps with the clip after them."""
        run: list[_Waiting] = []
        while (head := self._next_clip()) is not None and self._may_join(head[-1], run):
            head[-1].future().result()
            run += head
            for _ in head:
                self._waiting.popleft()
        if not run and self._queue.drained():
            run = list(self._waiting)
            self._waiting.clear()
        return run

    @staticmethod
    def _may_join(clip: _Waiting, run: list[_Waiting]) -> bool:
        """Whether a step may share a commit with the steps before it; the first always may, and is awaited."""
        first = next((waiting for waiting in run if isinstance(waiting.item, Clip)), None)
        if first is None:
            return True
        assert isinstance(clip.item, Clip) and isinstance(first.item, Clip)
        fused = first.answer is not None
        return not fused and clip.item.epoch == first.item.epoch and clip.future().done()

    def _next_clip(self) -> list[_Waiting] | None:
        """The first clip in the lane with the gaps before it, or None."""
        for index, waiting in enumerate(self._waiting):
            if isinstance(waiting.item, Clip):
                return list(self._waiting)[: index + 1]
        return None

    def _commit(self, run: list[_Waiting]) -> None:
        clips = [waiting.item for waiting in run if isinstance(waiting.item, Clip)]
        probs_NC = self._remember(run, clips) if clips else np.empty((0, 0), np.float32)
        self._pass_empty_epochs(clips)
        last = self.checkpoint
        new_epoch = bool(clips) and clips[0].epoch != last.epoch
        work = _Work(last, 0 if new_epoch else last.step + 1)
        work.gaps = [waiting.item for waiting in run if isinstance(waiting.item, Gap)]
        for clip, probs in zip(clips, probs_NC, strict=True):
            scores = Scores(clip.stream, clip.epoch, clip.step, clip.start_s, clip.end_s, probs)
            changes, self._segments = self._segmenter.step(scores, self._segments)
            work.take(scores, changes)
        work.checkpoint = self._advanced(last, run, clips)
        self._write(work)
        now_s = self._clock.monotonic_s()
        for waiting in run:
            if isinstance(waiting.item, Clip):
                self._hooks.answered(waiting.item.stream, now_s - waiting.since_s)

    def _pass_empty_epochs(self, clips: list[Clip]) -> None:
        """Epochs whose every clip was dropped are numbered in the store too: steps follow each other without holes."""
        while clips and clips[0].epoch > self.checkpoint.epoch + 1:
            empty = replace(self.checkpoint, epoch=self.checkpoint.epoch + 1, step=-1)
            self._write(_Work(empty, first_step=0))

    def _remember(self, run: list[_Waiting], clips: list[Clip]) -> Float32Array:
        """Probabilities N×C of the run's clips; lost time before a step is an input, and too much of it forgets."""
        waiting = [w for w in run if isinstance(w.item, Clip)]
        if waiting[0].answer is not None:
            assert len(waiting) == 1, "a fused call is alone"
            answer = waiting[0].answer.result()
            self._state = answer.state
            return answer.probs
        ends_s = [self.checkpoint.until_s, *(clip.end_s for clip in clips[:-1])]
        gaps_s = np.array([self._gap_s(clip, end_s) for clip, end_s in zip(clips, ends_s, strict=True)], np.float32)
        features_ND = np.stack([w.features.result() for w in waiting if w.features is not None])
        probs: list[Float32Array] = []
        cuts = sorted({0, *np.flatnonzero(gaps_s > self._limits.forget_s).tolist(), len(clips)})
        for first, last in pairwise(cuts):
            state = self._remembered(float(gaps_s[first]))
            answer = self._pool.remember(RememberRequest(features_ND[first:last], gaps_s[first:last], state)).result()
            self._state = answer.state
            probs.append(answer.probs)
        return np.concatenate(probs)

    def _advanced(self, last: Checkpoint, run: list[_Waiting], clips: list[Clip]) -> Checkpoint:
        until_s = max(item.end_s if isinstance(item, Clip) else item.end for item in (w.item for w in run))
        moved = replace(last, until_s=max(last.until_s, until_s), segmenter_state=pack(self._segments))
        if not clips:
            return moved
        clip = clips[-1]
        assert self._state is not None
        return replace(
            moved,
            epoch=clip.epoch,
            step=clip.step,
            origin_s=clip.origin_s,
            ordinal=clip.ordinal,
            pts_s=clip.pts_s,
            digest=clip.digest,
            temporal_state=self._state,
        )

    def _write(self, work: "_Work") -> None:
        commit = work.commit(self._segmenter.open_segments(self._segments))
        started_s = self._clock.monotonic_s()
        result = self._store.commit(commit)
        self._hooks.committed(commit, result, self._clock.monotonic_s() - started_s)
        self.checkpoint = commit.checkpoint


class _Work:
    """A commit in the making."""

    def __init__(self, checkpoint: Checkpoint, first_step: int, closed: Iterable[Segment] = ()) -> None:
        self.checkpoint = checkpoint
        self.first_step = first_step
        self.opened: set[str] = set()
        self.closed = list(closed)
        self.gaps: list[Gap] = []
        self.scores: list[Scores] = []

    def take(self, scores: Scores, changes: Changes) -> None:
        self.scores.append(scores)
        self.opened |= {segment.id for segment in changes.opened}
        self.closed += changes.closed

    def commit(self, still_open: tuple[Segment, ...]) -> Commit:
        return Commit(
            stream=self.checkpoint.stream,
            epoch=self.checkpoint.epoch,
            first_step=self.first_step,
            last_step=self.checkpoint.step,
            opened=tuple(segment for segment in (*self.closed, *still_open) if segment.id in self.opened),
            still_open=still_open,
            closed=tuple(self.closed),
            gaps=tuple(self.gaps),
            scores=tuple(self.scores),
            checkpoint=self.checkpoint,
        )
