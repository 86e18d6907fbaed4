"""What a lane has in hand: items that wait for the model, and the commit that is being made of those answered."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.models.requests import Remembered
from pipeline.segment.segmenter import Changes
from pipeline.values import Checkpoint, Clip, Commit, Float32Array, Gap, Scores, Segment
from pipeline.way import Way


@dataclass(slots=True)
class Waiting:
    """One item in the lane and, for a clip, what it waits for: its features, or its whole answer."""

    item: Clip | Gap
    way: Way
    features: "Future[Float32Array] | None" = None
    answer: "Future[Remembered] | None" = None

    def future(self) -> "Future[Float32Array] | Future[Remembered]":
        future = self.features or self.answer
        assert future is not None, "gaps wait for nothing"
        return future


def traced(waiting: Sequence[Waiting]) -> dict[str, Any]:
    """What a pool is told of the traces of clips: nothing where there are none."""
    traces = tuple(one.way.trace.context if one.way.trace else "" for one in waiting)
    return {"traces": traces} if any(traces) else {}


def checkpoint_at(clip: Clip, state: Float32Array, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint after `clip`."""
    return replace(
        checkpoint,
        epoch=clip.epoch,
        step=clip.step,
        origin_s=clip.origin_s,
        ordinal=clip.ordinal,
        pts_s=clip.pts_s,
        digest=clip.digest,
        temporal_state=state,
    )


@dataclass(slots=True)
class Work:
    """What one commit will hold; true once there is something to write."""

    moved: bool = False
    clip: Clip | None = None  # the last one
    scores: list[Scores] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    closed: list[Segment] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.moved

    def take(self, clip: Clip, scores: Scores, changes: Changes) -> None:
        self.moved = True
        self.clip = clip
        self.scores.append(scores)
        self.opened |= {segment.id for segment in changes.opened}
        self.closed += changes.closed

    def commit(self, checkpoint: Checkpoint, last: Checkpoint, still_open: tuple[Segment, ...]) -> Commit:
        """From the `last` checkpoint to the next; steps whose clips were dropped in between are covered too."""
        return Commit(
            stream=checkpoint.stream,
            epoch=checkpoint.epoch,
            first_step=last.step + 1 if checkpoint.epoch == last.epoch else 0,
            last_step=checkpoint.step,
            opened=tuple(segment for segment in (*self.closed, *still_open) if segment.id in self.opened),
            still_open=still_open,
            closed=tuple(self.closed),
            gaps=tuple(self.gaps),
            scores=tuple(self.scores),
            checkpoint=checkpoint,
        )
