"""The supervisor: looks at the board, plans, acts. What it remembers between two looks may be lost at any time."""

import os
import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from actors.log import logger
from actors.store_metrics import timed
from actors.supervisor_metrics import hide_look, show_look
from pipeline.control.board import Board
from pipeline.control.plan import Action, Assign, Change, Lose, Release, StartHost, StopHost, plan
from pipeline.control.records import Ending, HostInfo, View
from pipeline.control.settings import ServeSettings
from pipeline.control.shed import Shedding
from pipeline.control.wish import Wish
from pipeline.errors import LongtakeError


class Cluster(Protocol):
    """Where hosts live. Calls begin things and do not wait for them; a host that is gone swallows what it is told."""

    def nodes(self) -> tuple[str, ...]:
        """Where hosts may be started."""

    def hosts(self) -> set[str]:
        """Hosts that exist, whether or not they are well."""

    def start_host(self, name: str, node: str) -> None:
        """Begin to start a host."""

    def stop_host(self, name: str) -> None:
        """End a host at once, streams and all."""

    def check_model(self, model: str) -> None:
        """Raise a `LongtakeError` if a model ("" is the default one) cannot be served."""

    def serve_models(self, models: Iterable[str], now_s: float) -> None:
        """Look after the workers of these models and of the default one, and end those that nobody needs."""

    def assign(self, host: str, wish: Wish) -> None:
        """Tell a host to run a stream."""

    def change(self, host: str, wish: Wish) -> None:
        """Tell a host to run a stream as it is wished for now."""

    def release(self, host: str, stream: str) -> None:
        """Tell a host to stop a stream."""


class Supervisor:
    """One of any number; only the one that leads acts, and what two might do at once is harmless all the same.

    Args:
        jitter: for the back-off of what is lost.
    """

    def __init__(self, board: Board, cluster: Cluster, settings: ServeSettings, jitter: random.Random) -> None:
        self._board = board
        self._cluster = cluster
        self._settings = settings
        self._jitter = jitter
        self._token = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._settled_s = 0.0  # after a time without the store, when leases have had time to come back
        self._shedding: Shedding | None = None
        self._looked_s = 0.0
        self._mute = Since()
        self._unborn = Since()
        self._log = logger(supervisor=self._token)

    def step(self) -> list[Action]:
        """Look once and do what is to be done; returns what was.

        Raises:
            StoreError: the board cannot be read or written; the next step begins afresh.
        """
        if not self._board.lead(self._token, self._settings.lease_s):
            hide_look()
            return []
        began_s, nodes = time.monotonic(), self._cluster.nodes()
        with timed("look"):
            view = self._board.view(nodes)
        self._shed(view)
        self._cluster.serve_models({wish.model for wish in view.wishes.values()}, view.now_s)
        if view.now_s < self._settled_s:
            return []
        self._end_strange_hosts(view)
        actions = plan(view, self._settings, view.now_s, self._jitter)
        for action in actions:
            self._act(action, view)
        show_look(view, actions, time.monotonic() - began_s)
        return actions

    def settle(self) -> None:
        """The store was away: leases have run out that hosts will renew, so they are given the time to."""
        self._settled_s = self._board.view().now_s + self._settings.lease_s

    def resign(self) -> None:
        """Let another one lead, when all hosts have ended; it shall wait for none of those that are only expected."""
        if self._board.leader() == self._token:
            for host in self._board.hosts():
                self._board.forget_host(host)
            for fingerprint in self._board.pools():
                self._board.set_pool(fingerprint, None)
        self._board.resign(self._token)

    def _act(self, action: Action, view: View) -> None:
        match action:
            case StartHost(node):
                self._start_host(node)
            case StopHost(host):
                self._stop_hosts([host])
            case Assign(stream, host):
                self._assign(view.wishes[stream], host)
            case Release(stream, host, why):
                self._log.info("release", stream=stream, host=host, why=why)
                self._cluster.release(host, stream)
            case Change(stream, host):
                self._change(view.wishes[stream], host)
            case Lose(ending):
                self._log.warning("lost", stream=ending.stream, error=ending.error)
                self._board.note(_forgiven(ending, view, self._settings.forgive_s), self._settings.forgive_s)

    def _start_host(self, node: str) -> None:
        """The board knows the host from now on, so it is not started twice; its own first beat makes it ready."""
        name = f"host-{uuid.uuid4().hex[:8]}"
        self._log.info("start host", host=name, node=node)
        self._board.beat(HostInfo(name, node, ready=False), self._settings.start_s)
        self._cluster.start_host(name, node)

    def _stop_hosts(self, names: Iterable[str]) -> None:
        for name in names:
            self._log.info("stop host", host=name)
            self._cluster.stop_host(name)
            self._board.forget_host(name)

    def _assign(self, wish: Wish, host: str) -> None:
        if not self._board.assign(wish.stream, host, wish.generation):
            return  # another supervisor was quicker, or the wish has changed: the next look tells
        self._log.info("assign", stream=wish.stream, host=host, generation=wish.generation)
        try:
            self._cluster.check_model(wish.model)
        except LongtakeError as error:
            told = Ending(wish.stream, host, wish.generation, "failed", error=str(error), final=True)
            self._board.note(told, self._settings.forgive_s)
            return
        self._cluster.assign(host, wish)

    def _change(self, wish: Wish, host: str) -> None:
        self._log.info("change", stream=wish.stream, host=host, generation=wish.generation)
        self._cluster.change(host, wish)  # a model that cannot be served fails the stream when it is assigned again

    def _shed(self, view: View) -> None:
        """Turn the same share of every live stream away while there is too much to do."""
        before = self._shedding or Shedding(self._board.share())
        let_in = sum(host.let_in for host in view.hosts.values())
        overflowed = sum(host.overflowed for host in view.hosts.values())
        elapsed_s = min(self._settings.lease_s, view.now_s - self._looked_s)
        self._shedding, self._looked_s = before.after(let_in, overflowed, view.now_s, elapsed_s), view.now_s
        if self._shedding.keep != before.keep:
            self._board.set_share(self._shedding.keep)

    def _end_strange_hosts(self, view: View) -> None:
        """End a host that lives but is not heard of, and forget one that was started but does not exist."""
        exist = self._cluster.hosts()
        starting = {name for name, host in view.hosts.items() if not host.ready}
        mute = self._mute.longer(exist - set(view.hosts), view.now_s, self._settings.start_s)
        unborn = self._unborn.longer(starting - exist, view.now_s, self._settings.lease_s)
        self._stop_hosts([*mute, *unborn])


def _forgiven(ending: Ending, view: View, forgive_s: float) -> Ending:
    """The first time a stream is lost nobody blames it, and it goes to another host at once; from then on it waits."""
    last = view.outcomes.get(ending.stream)
    again = last is not None and last.generation == ending.generation and view.now_s - last.at_s < forgive_s
    return ending if again else replace(ending, jitter=0.0)


class Since:
    """Since when something has been seen at every look."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def longer(self, seen: set[str], now_s: float, than_s: float) -> list[str]:
        """Take note of what is seen now; return what has been for longer than `than_s`."""
        self._since_s = {name: self._since_s.get(name, now_s) for name in sorted(seen)}
        return [name for name, since_s in self._since_s.items() if now_s - since_s > than_s]
