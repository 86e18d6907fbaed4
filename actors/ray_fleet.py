"""Model workers as detached, named Ray actors."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from actors.meter import Load
from actors.model_workers import PREFIX, start_lasting
from actors.named import found, names
from actors.settings import RaySettings


class RayFleet:
    """The `Fleet` of pools that are connected to Ray; see there for what its methods promise."""

    def __init__(self, settings: RaySettings, reachable: Callable[[], tuple[str, ...]]) -> None:
        self._settings = settings
        self._asked: dict[str, Any] = {}
        self.reachable = reachable

    def workers(self) -> set[str]:
        return names(PREFIX)

    def start_worker(self, name: str, model: Path, node: str) -> None:
        start_lasting(name, model, self._settings, node)

    def stop_worker(self, name: str) -> None:
        if (worker := found(name)) is not None:
            ray.kill(worker)

    def loads(self, names: Iterable[str]) -> Mapping[str, Load]:
        """A worker that is silent has one call under way, however long; one that died is asked again."""
        wanted = set(names)
        self._asked = {name: call for name, call in self._asked.items() if name in wanted}
        by_call = {call: name for name, call in self._asked.items()}
        ready, _ = ray.wait(list(by_call), num_returns=len(by_call), timeout=0) if by_call else ([], [])
        loads = {by_call[call]: _answer(call) for call in ready}
        for name in wanted - (set(self._asked) - set(loads)):
            self._ask(name)
        return {name: load for name, load in loads.items() if load is not None}

    def _ask(self, name: str) -> None:
        self._asked.pop(name, None)
        if (worker := found(name)) is not None:
            self._asked[name] = worker.load.options(max_task_retries=0).remote()


def _answer(call: Any) -> Load | None:
    try:
        load: Load = ray.get(call)
    except RayError:
        return None
    return load
