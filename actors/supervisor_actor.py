"""The supervisor as a Ray actor: named, detached, started again by Ray wherever it dies."""

import os
import random
import threading
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.log import logger
from actors.model_workers import runtime_env
from actors.ray_cluster import RayCluster
from actors.settings import Setup
from actors.standby import NAME as STANDBY
from actors.standby import Standby
from actors.start import NAMESPACE, actor_class
from actors.store_metrics import StoreWatch
from actors.stores import open_patiently
from actors.supervisor import Supervisor
from actors.threads import vital
from pipeline.control.board import Board
from pipeline.control.plan import Lose
from pipeline.errors import StoreError

NAME = "supervisor"


class SupervisorActor:
    """Steps once a period, and at once when poked.

    Args:
        standby: this is the second one, which waits on another node; the first sees to it that there is one.
    """

    def __init__(self, setup: Setup, standby: bool = False) -> None:
        self._setup = setup
        self._standby = None if standby else Standby(self._start_standby)
        self._log = logger(supervisor=str(os.getpid()))
        self._store = open_patiently(setup.store, Path(setup.home))
        self._board = Board(self._store)
        self._watch = StoreWatch(self._store)
        self._cluster = RayCluster(setup, self._board)
        self._supervisor = Supervisor(self._board, self._cluster, setup.serve, random.Random())
        self._stop = threading.Event()
        self._loop = vital("supervisor", self._run, self._log)

    def poke(self) -> None:
        """Look now."""
        self._board.poke()

    def pid(self) -> int:
        """The supervisor's process."""
        return os.getpid()

    def node(self) -> str:
        """Where this supervisor runs."""
        return str(ray.get_runtime_context().get_node_id())

    def close(self) -> None:
        """Stop looking, let the hosts stop their streams, end them, and give up the lead."""
        self._stop.set()
        self._loop.join(self._setup.serve.stop_s)
        self._cluster.close_hosts()
        self._supervisor.resign()
        self._store.close()

    def _run(self) -> None:
        away = False
        while not self._stop.is_set():
            try:
                if away:
                    self._supervisor.settle()
                away = False
                actions = self._supervisor.step()
                self._watch.look()
                if self._standby is not None:
                    self._standby.look(self._cluster.nodes())
                if not any(isinstance(action, Lose) for action in actions):  # what was lost may have its place at once
                    self._board.poked(self._setup.serve.period_s)
            except StoreError as error:
                away = True
                self._watch.away()
                self._log.warning("the store is away", error=str(error))
                self._stop.wait(self._setup.serve.period_s)

    def _start_standby(self, node: str) -> None:
        self._log.info("start standby", node=node)
        actor = actor_class(SupervisorActor).options(
            name=STANDBY,
            namespace=NAMESPACE,
            lifetime="detached",
            num_cpus=0,
            max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            runtime_env=runtime_env(),
        )
        actor.remote(self._setup, True)
