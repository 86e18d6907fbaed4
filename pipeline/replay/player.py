"""Makes a timeline again from a lane log."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.errors import UsageError
from pipeline.flow import Serving
from pipeline.hooks import Hooks
from pipeline.lane import Commits, Lane
from pipeline.lane_queue import LaneContext, LaneLimits, LaneQueue
from pipeline.replay.log import Session, read_log
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.timeline.codec import pack_checkpoint
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Clip, Commit


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found.

    Attributes:
        clips: how many were answered again.
        differences: sessions that did not begin, to the bit, with what the one before them left; empty when exact.
    """

    stream: str
    sessions: int
    clips: int
    differences: tuple[str, ...]


def replay(folder: Path, serving: Callable[[str], Serving], store: TimelineStore) -> Replayed:
    """Answer for everything in a stream's log again and write the timeline into `store`, under the stream's name.

    Every session must begin with the very checkpoint (memory, segments, position) that replaying the sessions before
    it leaves: that is how a live stream's exactness is shown.

    Args:
        serving: gives the model of a fingerprint.

    Raises:
        UsageError: no log, or a log whose beginning is missing.
    """
    sessions = read_log(folder)
    first = sessions[0].checkpoint
    models = [serving(session.checkpoint.model) for session in sessions]
    if first.step >= 0 or first.epoch > 0:
        raise UsageError(f"the log begins after step {first.step} of epoch {first.epoch}; its first files are missing")
    labels = frozenset(label for model in models for label in model.card.labels)
    lease = store.claim(first.stream, first.source, first.model, labels)
    store.reset(lease)
    checkpoint, differences = first, []
    for number, (session, model) in enumerate(zip(sessions, models, strict=True)):
        if pack_checkpoint(session.checkpoint) != pack_checkpoint(checkpoint):
            differences.append(_difference(number, session.checkpoint, checkpoint))
        following = sessions[number + 1].checkpoint if number + 1 < len(sessions) else None
        checkpoint = _run(session, checkpoint, following, model, _Bound(store, lease))
    store.set_state(lease, "ended")
    clips = sum(isinstance(item, Clip) for session in sessions for item in session.items)
    return Replayed(first.stream, len(sessions), clips, tuple(differences))


def _run(
    session: Session, checkpoint: Checkpoint, following: Checkpoint | None, serving: Serving, store: Commits
) -> Checkpoint:
    """Drive one lane over a session; return the checkpoint it leaves."""
    card, queue = serving.card, LaneQueue(LaneContext(LaneLimits(), Hooks(), SystemClock()))
    segmenter = Segmenter(checkpoint.stream, card.fingerprint, Rules.from_card(card.labels, card.segmenter))
    lane = Lane(queue, serving.pool, segmenter, store, checkpoint)
    with ThreadPoolExecutor(1, thread_name_prefix="replay") as threads:
        feeding = threads.submit(_feed, queue, session)
        try:
            while lane.step():
                pass
        finally:
            queue.end()
        feeding.result()
    if session.finished is not None and not _same(following, lane.checkpoint):
        lane.finish(session.finished)
    if following is not None and following.model != checkpoint.model:
        return lane.hand_over(following.model, following.numerics)
    return lane.checkpoint


def _same(following: Checkpoint | None, left: Checkpoint) -> bool:
    """Whether the next lane went on from here: then the end of this one was said, but not committed."""
    return following is not None and pack_checkpoint(following) == pack_checkpoint(left)


def _feed(queue: LaneQueue, session: Session) -> None:
    for item in session.items:
        if not queue.put(item, "wait"):
            return
    queue.end()


def _difference(number: int, logged: Checkpoint, left: Checkpoint) -> str:
    at, reached = ((one.epoch, one.step, one.until_s) for one in (logged, left))
    if at != reached:
        return f"session {number} began at (epoch, step, seconds) {at}, replaying the ones before it reaches {reached}"
    return f"session {number} began with another memory or other segments than replaying the ones before it leaves"


@dataclass(frozen=True, slots=True)
class _Bound:
    store: TimelineStore
    lease: Lease

    def commit(self, commit: Commit) -> str:
        return self.store.commit(self.lease, commit)
