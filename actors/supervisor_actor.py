"""The supervisor as a Ray actor: named, detached, started again by Ray wherever it dies."""

import os
import random
import threading
from pathlib import Path

from actors.log import logger
from actors.ray_cluster import RayCluster
from actors.settings import Setup
from actors.stores import open_patiently
from actors.supervisor import Supervisor
from actors.threads import vital
from pipeline.control.board import Board
from pipeline.errors import StoreError

NAME = "supervisor"


class SupervisorActor:
    """Steps once a period, and at once when poked."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._log = logger(supervisor=str(os.getpid()))
        self._store = open_patiently(setup.store, Path(setup.home))
        self._board = Board(self._store)
        self._cluster = RayCluster(setup)
        self._supervisor = Supervisor(self._board, self._cluster, setup.serve, random.Random())
        self._stop = threading.Event()
        self._loop = vital("supervisor", self._run, self._log)

    def poke(self) -> None:
        """Look now."""
        self._board.poke()

    def pid(self) -> int:
        """The supervisor's process."""
        return os.getpid()

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
                self._supervisor.step()
                self._board.poked(self._setup.serve.period_s)
            except StoreError as error:
                away = True
                self._log.warning("the store is away", error=str(error))
                self._stop.wait(self._setup.serve.period_s)
