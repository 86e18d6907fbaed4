"""The bounded queue between the thread that cuts clips and the lane that answers for them."""

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from pipeline.clock import Clock
from pipeline.hooks import Hooks
from pipeline.values import Clip, Gap, GapReason

DropPolicy: TypeAlias = Literal["wait", "drop_oldest", "drop_latest"]
_ROUNDING = 1e-9


class LaneLimits(BaseModel):
    """How much one lane may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue_clips: int = Field(default=8, ge=1, description="clips that may wait before the model (0.6 MB each)")
    in_flight: int = Field(default=8, ge=1, description="clips under way in the model workers at once")
    together: int = Field(default=4, ge=1, description="clips sent in one request where they wait; overlaps go once")
    policy: DropPolicy | None = Field(
        default=None,
        description="what happens to a clip that finds the queue full; by default recordings wait and "
        "live streams drop the oldest",
    )
    commit_every_s: float = Field(
        default=0.25, ge=0, description="answers that come faster than this are committed together"
    )
    forget_s: float = Field(default=3600.0, gt=0, description="a longer gap clears the memory of the stream")


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What a lane and its queue go by."""

    limits: LaneLimits
    hooks: Hooks
    clock: Clock


class LaneQueue:
    """A bounded queue of clips and gaps between the thread that cuts and the thread that commits.

    A dropped clip leaves a gap in its place, so answers and gaps still tile the time.

    Attributes:
        drop_reason: what a clip is lost to that finds the queue full.
        keep: the share of clips, 0…1, that are let in where the policy is to drop: a server with too much to do turns
            the same share of every stream away, instead of whatever comes last.
    """

    def __init__(self, context: LaneContext) -> None:
        self.context = context
        self._limits = context.limits
        self._hooks = context.hooks
        self._clock = context.clock
        self._items: deque[Queued] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._credit = 0.0  # of which every clip that is let in takes one
        self._let_in = self._overflowed = 0
        self._read_s = self._clock.monotonic_s()
        self.drop_reason = GapReason.DROPPED
        self.keep = 1.0

    def put(self, item: Clip | Gap, policy: DropPolicy) -> bool:
        """Add an item, waiting or dropping where the queue is full; False once the queue has ended."""
        cut_s = self._clock.monotonic_s()
        with self._changed:
            if isinstance(item, Clip) and policy != "wait" and not self._admit():
                item = self._dropped(item, GapReason.DROPPED)
            while isinstance(item, Clip) and self._full() and not self._ended:
                if policy == "wait":
                    self._changed.wait()
                elif policy == "drop_oldest":
                    self._drop_oldest()
                else:
                    item = self._lost(item)
            if self._ended:
                return False
            now_s = self._clock.monotonic_s()
            self._append(Queued(item, now_s, cut_s, self._read_s))
            self._read_s = now_s
            self._hooks.queued(item.stream, self._clips())
            self._changed.notify_all()
        return True

    def take(self, patience_s: float | None, most: int = 1) -> "list[Queued]":
        """Take the oldest gap, or up to `most` clips that follow each other and are there.

        Nothing where nothing comes within `patience_s` (None: for ever) or the queue has ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended, patience_s)
            taken = [self._items.popleft()] if self._items else []
            while taken and isinstance(taken[-1].item, Clip) and len(taken) < most and self._clip_is_next():
                taken.append(self._items.popleft())
            if taken:
                self._hooks.queued(taken[0].item.stream, self._clips())
            self._changed.notify_all()
        return taken

    def _clip_is_next(self) -> bool:
        return bool(self._items) and isinstance(self._items[0].item, Clip)

    def pressure(self) -> tuple[int, int]:
        """Since the last call: how many clips that may be dropped were let in, and how many overflowed."""
        with self._changed:
            found = self._let_in, self._overflowed
            self._let_in = self._overflowed = 0
        return found

    def end(self) -> None:
        """Nothing will be added any more; what is in the queue stays."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def drained(self) -> bool:
        """The queue has ended and is empty."""
        with self._changed:
            return self._ended and not self._items

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def _clips(self) -> int:
        return sum(isinstance(queued.item, Clip) for queued in self._items)

    def _full(self) -> bool:
        return self._clips() >= self._limits.queue_clips

    def _drop_oldest(self) -> None:
        """Put a gap in the place of the oldest clip."""
        items = list(self._items)
        index = next(i for i, queued in enumerate(items) if isinstance(queued.item, Clip))
        clip = items[index].item
        assert isinstance(clip, Clip)
        items[index] = replace(items[index], item=self._lost(clip))
        self._items.clear()
        for queued in items:
            self._append(queued)

    def _admit(self) -> bool:
        self._credit = min(1.0, self._credit + self.keep)
        admitted = self._credit >= 1.0 - _ROUNDING
        self._credit -= admitted
        self._let_in += admitted
        return admitted

    def _lost(self, clip: Clip) -> Gap:
        self._overflowed += self.drop_reason == GapReason.DROPPED
        return self._dropped(clip, self.drop_reason)

    def _dropped(self, clip: Clip, reason: GapReason) -> Gap:
        gap = Gap(clip.stream, clip.start_s, clip.end_s, reason)
        self._hooks.dropped(clip.stream, gap)
        return gap

    def _append(self, queued: "Queued") -> None:
        """Append, joining a gap to the one before it when they touch and have one reason."""
        item, last = queued.item, self._items[-1].item if self._items else None
        if isinstance(item, Gap) and isinstance(last, Gap) and (last.end, last.reason) == (item.start, item.reason):
            self._items[-1] = replace(queued, item=replace(last, end=item.end))
        else:
            self._items.append(queued)


@dataclass(frozen=True, slots=True)
class Queued:
    """An item of a lane's queue, and on the steady clock when it was let in, when it was cut, when it was begun."""

    item: Clip | Gap
    since_s: float
    cut_s: float
    read_s: float
