"""Two Ray nodes on this machine, served by `longtake serve`; one of them can be killed as a power cut would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import yaml
from ray.cluster_utils import Cluster

from actors.family import descendants, end
from pipeline.control.board import Board
from pipeline.timeline.store import TimelineStore
from tests.timeline.servers import TcpServer

NODE = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}


class TwoNodes:
    """A head, on which the supervisor runs, and another node that comes and goes."""

    def __init__(self, home: Path, model: Path, streams: dict[str, Path], serve: dict[str, Any]) -> None:
        self.home = home
        self._model = model
        self._parts = ExitStack()
        config = {
            "ray": {"threads_per_worker": 1},
            "serve": serve,
            "streams": {name: {"uri": str(film), "realtime": True} for name, film in streams.items()},
        }
        (home / "config.yaml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def _start(self) -> None:
        """`serve` is there before the other node, so it and its supervisor are on the head."""
        self.redis = TcpServer(self.home, "--appendonly", "no")
        self._parts.callback(self.redis.kill)
        self.cluster = Cluster(initialize_head=True, head_node_args=NODE)
        self._parts.callback(self.cluster.shutdown)
        command = [sys.executable, "-m", "longtake", "serve", "--http-port", "0", "--model", str(self._model)]
        command += ["--config", str(self.home / "config.yaml"), "--store", self.redis.url]
        command += ["--address", self.cluster.address]
        with (self.home / "said").open("w") as said:
            environment = os.environ | {"LONGTAKE_HOME": str(self.home)}
            self.process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        self._parts.callback(self._end_serving)
        self.store = self._parts.enter_context(TimelineStore.open(self.redis.url, self.home))
        self.board = Board(self.store)
        self.until(self.board.leader, 60)
        self.add_node()

    def add_node(self) -> None:
        self.node = self.cluster.add_node(**NODE)

    def kill_node(self) -> set[str]:
        """End the node and all that runs on it, without a word; return the streams its hosts held."""
        here = self.node.node_id
        on_it = {name for name, host in self.board.hosts().items() if host.node == here}
        streams = {stream for stream, held in self.board.held().items() if held.host in on_it}
        raylets = {info.process.pid for infos in self.node.all_processes.values() for info in infos}
        family = dict.fromkeys(raylets, "") | {pid: "" for raylet in raylets for pid in descendants(raylet)}
        for pid in family:  # the raylet's children would hear of its death and end by themselves, a little later
            os.kill(pid, signal.SIGKILL)
        for infos in self.node.all_processes.values():
            for info in infos:
                info.process.wait()
        psutil.wait_procs([psutil.Process(pid) for pid in family if psutil.pid_exists(pid)], 10)
        self.cluster.worker_nodes.discard(self.node)
        return streams

    def let_the_standby_lead(self) -> None:
        """Stop the supervisor on the head until the one on the other node has taken the lead."""
        leader = self.board.leader()
        pid = int(leader.partition("-")[0])
        self.until(lambda: self._runs(self.node, "SupervisorActor"), 60)
        os.kill(pid, signal.SIGSTOP)
        try:
            self.until(lambda: self.board.leader() not in ("", leader), 30)
        finally:
            os.kill(pid, signal.SIGCONT)

    def nodes_of(self, streams: set[str]) -> set[str]:
        """Nodes of those who hold the streams; a stream that nobody holds is at "nowhere"."""
        hosts, held = self.board.hosts(), self.board.held()
        holders = [hosts.get(held[stream].host) if stream in held else None for stream in streams]
        return {holder.node if holder else "nowhere" for holder in holders}

    def workers_spread(self) -> bool:
        """The model has a worker on either node, and no others."""
        return [self._runs(node, "ModelWorker") for node in (self.cluster.head_node, self.node)] == [1, 1]

    @staticmethod
    def _runs(node: Any, title: str) -> int:
        """How many processes of a title a node has."""
        (raylet,) = node.all_processes["raylet"]
        return sum(title in name for name in descendants(raylet.process.pid).values())

    def answered_s(self) -> dict[str, float]:
        return {info.name: info.until_s for info in self.store.streams()}

    def until(self, what: Callable[[], object], seconds: float) -> float:
        """Wait until something holds; return how long that took."""
        began_s = time.monotonic()
        while not what():
            assert self.process.poll() is None, self.said()
            if time.monotonic() - began_s > seconds:
                pytest.fail(f"waited {seconds} s in vain: {self.board.view()} {self.board.pools()}")
            time.sleep(0.05)
        return time.monotonic() - began_s

    def said(self) -> str:
        return (self.home / "said").read_text()

    def _end_serving(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            end(descendants(self.process.pid))
            self.process.kill()
            self.process.wait()
