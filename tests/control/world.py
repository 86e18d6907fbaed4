"""A simulated world for `plan`: nodes, hosts and streams that behave like the real ones, a second a turn.

Hosts beat, claim, renew, stop slowly, die and freeze; the board forgets what is not renewed. Owners are fenced: a lease
is renewed only by the host that claimed last.
"""

import random
from dataclasses import dataclass, field, replace

from pipeline.control.plan import Assign, Change, Lose, Release, StartHost, StopHost, plan
from pipeline.control.records import Assigned, Held, HostInfo, Outcome, View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish

BOOT_S, STOP_S = 3, 2


@dataclass
class SimHost:
    """One process; `streams` maps to generations, `stopping` to the turns a stream still needs."""

    node: str
    ready_at: float
    frozen: bool = False
    streams: dict[str, int] = field(default_factory=dict)
    stopping: dict[str, int] = field(default_factory=dict)


class World:
    def __init__(self, nodes: int = 1, seed: int = 0, **settings) -> None:
        self.settings = ServeSettings(**settings)
        self.nodes = [f"node{number}" for number in range(nodes)]
        self.now_s = 0.0
        self.generation = 0
        self.wishes: dict[str, Wish] = {}
        self.hosts: dict[str, SimHost] = {}
        self.owner: dict[str, str] = {}
        self.beats: dict[str, tuple[HostInfo, float]] = {}
        self.holds: dict[str, tuple[Held, float]] = {}
        self.assigned: dict[str, Assigned] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.jitter = random.Random(seed)
        self.started = 0

    # What people do

    def wish(self, stream: str, **fields) -> None:
        self.generation += 1
        before = self.wishes.get(stream, Wish(stream, "a.mp4"))
        self.wishes[stream] = replace(before, generation=self.generation, **fields)

    def remove(self, stream: str) -> None:
        for place in (self.wishes, self.assigned, self.outcomes):
            place.pop(stream, None)

    # What happens

    def kill(self, host: str) -> None:
        self.hosts.pop(host, None)

    def drop_node(self, node: str) -> None:
        self.nodes.remove(node)
        self.hosts = {name: host for name, host in self.hosts.items() if host.node != node}

    def over(self, stream: str, state: str, final: bool = False) -> None:
        """The run of a stream ends by itself, if anybody runs it."""
        for name, host in self.hosts.items():
            if stream in host.streams and stream not in host.stopping and not host.frozen:
                self._note(stream, name, host.streams[stream], state, final)
                del host.streams[stream]

    # Time

    def turn(self) -> list:
        self.now_s += 1
        for name, host in self.hosts.items():
            if not host.frozen and host.ready_at <= self.now_s:
                self._live(name, host)
        view = self.view()
        actions = plan(view, self.settings, self.now_s, self.jitter)
        for action in actions:
            self._act(action)
        return actions

    def run(self, turns: int) -> None:
        for _ in range(turns):
            self.turn()

    def view(self) -> View:
        self.beats = {name: beat for name, beat in self.beats.items() if beat[1] > self.now_s}
        self.holds = {name: hold for name, hold in self.holds.items() if hold[1] > self.now_s}
        return View(
            self.now_s,
            dict(self.wishes),
            {name: info for name, (info, _) in self.beats.items()},
            {name: held for name, (held, _) in self.holds.items() if name in self.wishes},
            dict(self.assigned),
            dict(self.outcomes),
            tuple(self.nodes),
        )

    def loads(self) -> dict[str, int]:
        """Streams by node, over the hosts that are well."""
        found: dict[str, int] = {}
        for host in self.hosts.values():
            if not host.frozen:
                found[host.node] = found.get(host.node, 0) + len(host.streams)
        return found

    def running(self) -> dict[str, list[int]]:
        """Generations by stream, over the hosts that are well."""
        found: dict[str, list[int]] = {}
        for host in self.hosts.values():
            if not host.frozen:
                for stream, generation in host.streams.items():
                    found.setdefault(stream, []).append(generation)
        return found

    def _live(self, name: str, host: SimHost) -> None:
        for stream in list(host.stopping):
            host.stopping[stream] -= 1
            if host.stopping[stream] <= 0:
                self._note(stream, name, host.streams.pop(stream), "released")
                del host.stopping[stream]
        expires_s = self.now_s + self.settings.lease_s
        self.beats[name] = (HostInfo(name, host.node, dict(host.streams)), expires_s)
        for stream, generation in host.streams.items():
            if self.owner[stream] == name:
                self.holds[stream] = (Held(name, generation), expires_s)
            else:
                host.stopping.setdefault(stream, STOP_S)

    def _note(self, stream: str, host: str, generation: int, state: str, final: bool = False) -> None:
        if self.owner.get(stream) != host:
            return
        if state != "released" and stream in self.wishes:
            last = self.outcomes.get(stream)
            count = last.count + 1 if last and last.generation == generation else 1
            self.outcomes[stream] = Outcome(
                state, generation, count, self.now_s, self.jitter.uniform(0.5, 1), "", final
            )
        if stream in self.assigned and self.assigned[stream].host == host:
            del self.assigned[stream]
        self.holds.pop(stream, None)

    def _act(self, action) -> None:
        match action:
            case StartHost(node):
                name = f"host{self.started}"
                self.started += 1
                self.beats[name] = (HostInfo(name, node, ready=False), self.now_s + self.settings.start_s)
                self.hosts[name] = SimHost(node, self.now_s + BOOT_S)
            case StopHost(host):
                self.kill(host)
                self.beats.pop(host, None)
            case Assign(stream, host):
                wish = self.wishes[stream]
                assert stream not in self.assigned
                self.assigned[stream] = Assigned(host, wish.generation, self.now_s)
                if host in self.hosts and not self.hosts[host].frozen:
                    assert len(self.hosts[host].streams) < self.settings.streams_per_host
                    self.hosts[host].streams.setdefault(stream, wish.generation)
                    self.owner[stream] = host
            case Release(stream, host, _) | Change(stream, host):
                if host in self.hosts and stream in self.hosts[host].streams:
                    self.hosts[host].stopping.setdefault(stream, STOP_S)
            case Lose(ending):
                assert self.assigned.pop(ending.stream).host == ending.host
                last = self.outcomes.get(ending.stream)
                count = last.count + 1 if last and last.generation == ending.generation else 1
                self.outcomes[ending.stream] = Outcome(
                    "failed", ending.generation, count, self.now_s, ending.jitter, ending.error, False
                )
