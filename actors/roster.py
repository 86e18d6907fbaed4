"""What the supervisor knows of model workers: when each was first seen, what it said last, since when it is idle."""

from collections.abc import Iterable
from dataclasses import dataclass

from actors.meter import Load
from pipeline.control.scale import Demand


@dataclass(slots=True)
class Known:
    """One worker.

    Attributes:
        node: where it was started, or said it runs; empty where nobody knows.
        since_s: when it was first seen.
        ours: started by this supervisor.
        heard_s: when it last answered; None before it ever did.
        idle_s: since when it has had nothing to do; None while it has.
        busy: the share of its time it was computing between its last two answers.
    """

    node: str
    since_s: float
    ours: bool = False
    load: Load | None = None
    heard_s: float | None = None
    idle_s: float | None = None
    busy: float = 0.0

    def says(self, load: Load, now_s: float) -> bool:
        """Take note of an answer; True if the worker has answered requests since the last one."""
        before = self.load
        worked = before is not None and before.pid == load.pid and load.answered > before.answered
        rests = load.under_way == 0 and not worked
        self.busy = load.busy_since(before) if before else 0.0
        self.idle_s = (now_s if self.idle_s is None else self.idle_s) if rests else None
        self.node, self.load, self.heard_s = load.node, load, now_s
        return not rests

    def silent_s(self, now_s: float) -> float:
        """How long it has said nothing."""
        return now_s - (self.since_s if self.heard_s is None else self.heard_s)

    def idle_for_s(self, now_s: float) -> float:
        """How long it has had nothing to do; negative while it has, or nobody knows."""
        return -1.0 if self.idle_s is None else now_s - self.idle_s


class Roster:
    """All workers that are known, by name."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def __getitem__(self, name: str) -> Known:
        return self._known[name]

    def see(self, names: Iterable[str], now_s: float) -> None:
        """These are all there are: who is new is noted, who is gone forgotten."""
        seen = set(names)
        self._known = {name: self._known.get(name) or Known("", now_s) for name in sorted(seen)}

    def started(self, name: str, node: str, now_s: float) -> None:
        """This supervisor has just started a worker."""
        self._known[name] = Known(node, now_s, ours=True)

    def demand(self, names: Iterable[str]) -> Demand | None:
        """What the workers of a pool have to do; None while one of them has not answered yet."""
        known = [self._known[name] for name in names]
        loads = [one.load for one in known if one.load is not None]
        if len(loads) < len(known):
            return None
        return Demand(sum(load.waiting for load in loads), sum(one.busy for one in known))

    def crowd(self, names: Iterable[str], node: str) -> int:
        """How many of these workers are on a node."""
        return sum(self._known[name].node == node for name in names)
