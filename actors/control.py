"""The control plane as whoever serves holds it: Ray, the supervisor, and an orderly end."""

import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.family import descendants, end
from actors.model_workers import PREFIX, runtime_env
from actors.named import found, names
from actors.ray_node import answers
from actors.settings import Setup
from actors.standby import end as end_standby
from actors.start import NAMESPACE, actor_class, first_line, start
from actors.supervisor_actor import NAME, SupervisorActor
from pipeline.errors import EngineError


class RayDied(EngineError):
    """Ray's own processes on this machine are gone: nothing can be started or stopped by it any more.

    A driver that has lost its Ray is ended by it within a minute; only a new process can start anew.
    """


class ControlPlane:
    """A context manager; leaving it stops the streams and ends what was started here, Ray included.

    Where a cluster has a supervisor already, nothing is started, and nothing is ended.

    Raises:
        EngineError: Ray or the supervisor could not be started.
    """

    START_S = 60.0
    AWAY_S = 10.0
    LOOK_S = 1.0
    VITAL = ("gcs_server", "raylet")

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._ours = False
        self._supervisor: Any = None
        self._vital: dict[int, str] = {}
        self._answered_s = time.monotonic()

    def __enter__(self) -> Self:
        start(self._setup.ray, NAMESPACE)
        if self._setup.ray.address is None:
            self._vital = {pid: name for pid, name in descendants().items() if name in self.VITAL}
        try:
            self._supervisor = self._found_or_started()
            ray.get(self._supervisor.pid.remote(), timeout=self.START_S)
        except RayError as error:
            self._end()
            raise EngineError(f"the supervisor did not start: {first_line(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, RayDied):
            end(descendants())  # the rest of Ray would go on watching for a minute, out of everybody's reach
        else:
            self._end()

    def check(self) -> None:
        """Raise `RayDied` if Ray's processes, where they are this machine's, are not all alive, or its head is away."""
        if self._setup.ray.address is None or answers(self._setup.ray.address):
            self._answered_s = time.monotonic()
        elif time.monotonic() - self._answered_s > self.AWAY_S:
            raise RayDied(f"the head of the cluster at {self._setup.ray.address} does not answer")
        gone = set(self._vital) - set(descendants()) if self._vital else set()
        if gone:
            names = ", ".join(sorted(self._vital[pid] for pid in gone))
            raise RayDied(f"Ray has lost its {names}")

    def await_supervisor(self, patience_s: float) -> None:
        """Wait until the supervisor answers; Ray starts it again where it died, which takes some seconds.

        Raises:
            RayDied: it does not in time, or never will: see `check`.
        """
        answer = self._supervisor.pid.options(max_task_retries=-1).remote()
        until_s = time.monotonic() + patience_s
        try:
            while not ray.wait([answer], timeout=self.LOOK_S)[0]:
                self.check()
                if time.monotonic() > until_s:
                    raise RayDied(f"the supervisor has not answered for {patience_s:g} s")
            ray.get(answer)
        except RayError as error:
            raise RayDied(f"the supervisor is lost: {first_line(error)}") from error

    def _found_or_started(self) -> Any:
        options = {"name": NAME, "namespace": NAMESPACE}
        try:
            return ray.get_actor(**options)
        except ValueError:
            self._ours = True
        here = ray.get_runtime_context().get_node_id()  # any other node may go, and the supervisor is to see to it
        actor = actor_class(SupervisorActor).options(
            **options,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            num_cpus=0,
            max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=True),
            runtime_env=runtime_env(),
        )
        return actor.remote(self._setup)

    def _end(self) -> None:
        if self._ours and self._supervisor is not None:
            end_standby()
            with suppress(RayError):  # it died while it stopped: what it left is found by the next supervisor
                ray.get(self._supervisor.close.remote(), timeout=4 * self._setup.serve.stop_s)
            ray.kill(self._supervisor)
        if self._ours:
            for name in names(PREFIX):
                if (worker := found(name)) is not None:
                    ray.kill(worker)
        ray.shutdown()
