"""A fleet of model workers that exist only in this process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from actors.meter import Load


@dataclass
class FakeFleet:
    """Workers answer from the look after the one that started them, unless they are silent.

    Attributes:
        broken: models whose workers die before they answer.
        profiles: numerics profile by worker, where not `p`.
    """

    nodes: list[str] = field(default_factory=lambda: ["n1"])
    loads_: dict[str, Load] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    profiles: dict[str, str] = field(default_factory=dict)
    profile: str = "p"
    now_s: float = 0.0

    def reachable(self) -> tuple[str, ...]:
        return tuple(self.nodes)

    def workers(self) -> set[str]:
        return set(self.loads_)

    def start_worker(self, name: str, model: Path, node: str) -> None:
        self.started.append(name)
        if str(model) not in self.broken:
            self.loads_[name] = Load(self.profile, node, 0.0, 0, 0, 0, 0.0, 1, len(self.started))
            self.fresh.add(name)

    def stop_worker(self, name: str) -> None:
        self.loads_.pop(name, None)

    def loads(self, names: Iterable[str]) -> Mapping[str, Load]:
        fresh, self.fresh = self.fresh, set()
        answering = set(names) & set(self.loads_) - fresh - self.silent
        return {name: replace(self.loads_[name], at_s=self.now_s) for name in answering}

    def busy(self, waiting: int) -> None:
        """Every worker answered requests all the time, and more wait."""
        for name, load in self.loads_.items():
            answered, busy_s = load.answered + 1, load.busy_s + 1.0
            self.loads_[name] = replace(load, waiting=waiting, under_way=waiting + 1, answered=answered, busy_s=busy_s)

    def quiet(self) -> None:
        """Nobody has anything to do."""
        for name, load in self.loads_.items():
            self.loads_[name] = replace(load, waiting=0, under_way=0)

    def node_of(self, name: str) -> str:
        return self.loads_[name].node
