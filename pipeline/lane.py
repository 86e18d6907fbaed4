"""The lane: one stream's clips in, one stream's commits out, in the order of its steps."""

import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from pipeline.lane_queue import LaneQueue, Queued
from pipeline.lane_work import Waiting, Work, checkpoint_at, traced
from pipeline.model_swap import handed_over
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.segment.segmenter import Segmenter
from pipeline.values import Checkpoint, Clip, Commit, EncoderInput, Float32Array, Gap, Scores
from pipeline.way import Way


class ModelPool(Protocol):
    """Where a lane sends its requests: model workers in this process or elsewhere.

    `traces` holds the `Trace.context` of each clip, empty for one that is not traced; it is given only where one is.
    """

    def encode(self, clips: Sequence[EncoderInput], traces: Sequence[str] = ()) -> "list[Future[Float32Array]]":
        """Features D of each clip, in any order of time."""

    def remember(self, request: RememberRequest, traces: Sequence[str] = ()) -> "Future[Remembered]":
        """Scores and new state of consecutive steps."""

    def infer(
        self, clip: EncoderInput, gap_s: float, state: Float32Array | None, traces: Sequence[str] = ()
    ) -> "Future[Remembered]":
        """Both in one call, for a clip that nothing waits beside."""


class Log(Protocol):
    """Who is told what a lane was given, before it is committed."""

    def given(self, item: Clip | Gap) -> None:
        """The lane has taken an item out of its queue."""

    def finished(self, finished: bool) -> None:
        """The lane closes its segments."""


class Commits(Protocol):
    """Where a lane writes: the timeline store, bound to this lane's lease."""

    def commit(self, commit: Commit) -> str:
        """Write one commit; returns `ok` or `repeated`.

        Raises:
            Fenced: another owner holds the stream.
            StoreError: nothing was written.
        """


class Lane:
    """Drives one stream: encodes ahead, remembers and segments in order, commits.

    `step` is one iteration and may be called by any loop; it blocks while it waits for clips or for the model.
    Answers are committed together while they come faster than `commit_every_s`, each at once while they come slower.
    Nothing is kept for good that a checkpoint does not hold: a lane can be dropped at any time and made again from
    the store.

    Attributes:
        checkpoint: what the store holds.
    """

    MOST_STEPS = 64  # in one commit

    def __init__(
        self,
        queue: LaneQueue,
        pool: ModelPool,
        segmenter: Segmenter,
        store: Commits,
        checkpoint: Checkpoint,
        log: Log | None = None,
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._segmenter = segmenter
        self._store = store
        self._limits = queue.context.limits
        self._hooks = queue.context.hooks
        self._clock = queue.context.clock
        self._log = log
        self._waiting: deque[Waiting] = deque()
        self._work = Work()
        self._due_s = -math.inf
        self.checkpoint = checkpoint
        # Where the lane stands, ahead of the store by the work that is not committed yet:
        self._until_s = checkpoint.until_s
        self._answered_s = checkpoint.answered_s
        self._pending_gap = checkpoint.pending_gap
        self._state: Float32Array | None = checkpoint.temporal_state if len(checkpoint.temporal_state) else None
        self._segments = segmenter.unpack(checkpoint.segmenter_state)

    def step(self) -> bool:
        """Do what can be done now; False when the queue has ended and everything is committed."""
        self._submit()
        self._answer(self._ready())
        ended = not self._waiting and self._queue.drained()
        if self._work and (ended or len(self._work.scores) >= self.MOST_STEPS or self._patience_s() <= 0):
            self._commit()
        return not ended

    def finish(self, finished: bool) -> None:
        """The source has ended: close every segment. A recording is `finished`; a live stream may come back."""
        if self._log is not None:
            self._log.finished(finished)
        changes, self._segments = self._segmenter.finish(self._segments)
        self._work.closed += changes.closed
        self._settle_gap()
        self._commit(finished)

    def hand_over(self, model: str, numerics: str) -> Checkpoint:
        """Leave the stream to another model: answer for what is under way, and end every segment.

        Returns:
            What the other model's lane begins with.
        """
        while self._waiting:
            self._answer(self._ready())
        if self._work:
            self._commit()
        self._write(handed_over(self.checkpoint, model, numerics))
        return self.checkpoint

    def _submit(self) -> None:
        """Move clips from the queue into flight; wait for one only if nothing else is under way."""
        while (room := self._limits.in_flight - (under_way := self._under_way())) > 0:
            patience_s = 0.0 if under_way else self._patience_s() if self._work else None
            taken = self._queue.take(patience_s, min(room, self._limits.together))
            if not taken:
                return
            if self._log is not None:
                for queued in taken:
                    self._log.given(queued.item)
            waiting = [Waiting(queued.item, self._way(queued)) for queued in taken]
            clips = [queued.item for queued in taken if isinstance(queued.item, Clip)]
            self._ask(waiting, clips)
            self._waiting += waiting
            if not clips:
                return

    def _way(self, queued: Queued) -> Way:
        way = Way(queued.read_s, queued.cut_s, queued.since_s, self._clock.monotonic_s())
        if isinstance(queued.item, Clip):
            way.trace = self._hooks.trace(queued.item, self.checkpoint.model, way)
        return way

    def _patience_s(self) -> float:
        """How long what is answered may still wait for company in its commit."""
        return max(0.0, self._due_s - self._clock.monotonic_s())

    def _ask(self, waiting: list[Waiting], clips: list[Clip]) -> None:
        """A clip that is alone takes one fused call; those with company are encoded ahead of their turn."""
        if len(clips) == 1 and not len(self._queue) and not self._under_way():
            gap_s = self._gap_s(clips[0], self._answered_s)
            state = self._remembered(gap_s)
            waiting[0].answer = self._pool.infer(clips[0].encoder_input, gap_s, state, **traced(waiting))
        elif clips:
            calls = self._pool.encode([clip.encoder_input for clip in clips], **traced(waiting))
            for one, features in zip(waiting, calls, strict=True):
                one.features = features

    def _under_way(self) -> int:
        return sum(isinstance(waiting.item, Clip) for waiting in self._waiting)

    def _remembered(self, gap_s: float) -> Float32Array | None:
        return None if gap_s > self._limits.forget_s else self._state

    @staticmethod
    def _gap_s(clip: Clip, answered_s: float) -> float:
        return max(0.0, clip.start_s - answered_s)

    def _ready(self) -> list[Waiting]:
        """The answered items at the head, waiting for the first clip: all steps are of one epoch."""
        run: list[Waiting] = []
        while self._waiting and self._may_join(self._waiting[0], run):
            run.append(self._waiting.popleft())
        return run

    @staticmethod
    def _may_join(next_: Waiting, run: list[Waiting]) -> bool:
        """Whether an item may be taken with those before it; the first clip always may, and is awaited."""
        if isinstance(next_.item, Gap):
            return True
        first = next((waiting for waiting in run if isinstance(waiting.item, Clip)), None)
        if first is None:
            next_.future().result()
            return True
        assert isinstance(first.item, Clip)
        return first.answer is None and next_.item.epoch == first.item.epoch and next_.future().done()

    def _answer(self, run: list[Waiting]) -> None:
        """Remember and segment the steps of a run, in order."""
        clips = [waiting.item for waiting in run if isinstance(waiting.item, Clip)]
        if clips and self._work.scores and self._work.scores[0].epoch != clips[0].epoch:
            self._commit()  # the steps of a commit are of one epoch
        probs = iter(self._remember(run, clips) if clips else ())
        for waiting in run:
            if isinstance(waiting.item, Gap):
                self._lose(waiting.item)
            else:
                waiting.way.answered_s = self._clock.monotonic_s()
                self._take(waiting.item, next(probs))
                waiting.way.segmented_s = self._clock.monotonic_s()
                self._work.ways.append(waiting.way)

    def _lose(self, gap: Gap) -> None:
        """A gap is pending until something else follows it: the next one may be its continuation."""
        last = self._pending_gap
        if last is not None and (last.end, last.reason) == (gap.start, gap.reason):
            self._pending_gap = replace(last, end=gap.end)
        else:
            self._settle_gap()
            self._pending_gap = gap
        self._until_s = max(self._until_s, gap.end)
        self._work.moved = True

    def _settle_gap(self) -> None:
        if self._pending_gap is not None:
            self._work.gaps.append(self._pending_gap)
            self._pending_gap = None

    def _take(self, clip: Clip, probs: Float32Array) -> None:
        self._settle_gap()
        scores = Scores(clip.stream, clip.epoch, clip.step, clip.start_s, clip.end_s, probs)
        changes, self._segments = self._segmenter.step(scores, self._segments)
        self._work.take(clip, scores, changes)
        self._answered_s = clip.end_s
        self._until_s = max(self._until_s, clip.end_s)

    def _remember(self, run: list[Waiting], clips: list[Clip]) -> Float32Array:
        """Probabilities N×C of the run's clips; lost time before a step is an input, and too much of it forgets."""
        waiting = [w for w in run if isinstance(w.item, Clip)]
        if waiting[0].answer is not None:
            assert len(waiting) == 1, "a fused call is alone"
            answer = waiting[0].answer.result()
            self._state = answer.state
            return answer.probs
        ends_s = [self._answered_s, *(clip.end_s for clip in clips[:-1])]
        gaps_s = np.array([self._gap_s(clip, end_s) for clip, end_s in zip(clips, ends_s, strict=True)], np.float32)
        features_ND = np.stack([w.features.result() for w in waiting if w.features is not None])
        probs: list[Float32Array] = []
        cuts = sorted({0, *np.flatnonzero(gaps_s > self._limits.forget_s).tolist(), len(clips)})
        for first, last in pairwise(cuts):
            state = self._remembered(float(gaps_s[first]))
            request = RememberRequest(features_ND[first:last], gaps_s[first:last], state)
            answer = self._pool.remember(request, **traced(waiting[first:last])).result()
            self._state = answer.state
            probs.append(answer.probs)
        return np.concatenate(probs)

    def _commit(self, finished: bool = False) -> None:
        """Write what is answered, and the state after it."""
        work, self._work = self._work, Work()
        if work.clip is not None:
            self._pass_empty_epochs(work.clip.epoch)
        checkpoint = replace(
            self.checkpoint,
            until_s=self._until_s,
            answered_s=self._answered_s,
            segmenter_state=self._segmenter.pack(self._segments),
            pending_gap=self._pending_gap,
            finished=finished,
        )
        if work.clip is not None:
            assert self._state is not None
            checkpoint = checkpoint_at(work.clip, self._state, checkpoint)
        begun_s = self._clock.monotonic_s()
        self._write(work.commit(checkpoint, self.checkpoint, self._segmenter.open_segments(self._segments)))
        now_s = self._clock.monotonic_s()
        for way in work.ways:
            self._hooks.answered(checkpoint.stream, now_s - way.queued_s)
            way.commit_s, way.committed_s = begun_s, now_s
            if way.trace is not None:
                way.trace.end(way)

    def _pass_empty_epochs(self, epoch: int) -> None:
        """Epochs whose every clip was dropped are numbered in the store too: steps follow each other without holes."""
        while epoch > self.checkpoint.epoch + 1:
            empty = replace(self.checkpoint, epoch=self.checkpoint.epoch + 1, step=-1)
            self._write(Work().commit(empty, self.checkpoint, self._segmenter.open_segments(self._segments)))

    def _write(self, commit: Commit) -> None:
        started_s = self._clock.monotonic_s()
        result = self._store.commit(commit)
        now_s = self._clock.monotonic_s()
        self._hooks.committed(commit, result, now_s - started_s)
        self.checkpoint = commit.checkpoint
        self._due_s = now_s + self._limits.commit_every_s
