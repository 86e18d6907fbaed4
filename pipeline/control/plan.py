"""What the supervisor does about a look at the board: a pure function, so that a simulated world can try it.

Every look begins from what the board says; nothing is remembered between two looks. A stream is where its lease is; an
assignment counts only until the lease is there. Whatever is decided wrongly because a look was old is harmless, because
owners of streams are fenced by the store, and is mended by the next look.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.control.records import Ending, HostInfo, Outcome, View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish

Loads: TypeAlias = dict[str, set[str]]
"""Streams by the ready host that has them in hand or will have them."""


@dataclass(frozen=True, slots=True)
class StartHost:
    """A host is needed on a node."""

    node: str


@dataclass(frozen=True, slots=True)
class StopHost:
    """A host without streams is one too many."""

    host: str


@dataclass(frozen=True, slots=True)
class Assign:
    """A stream that nobody runs shall run on a host."""

    stream: str
    host: str


@dataclass(frozen=True, slots=True)
class Release:
    """A host shall stop a stream."""

    stream: str
    host: str
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A host shall run the stream as it is wished for now, and knows best what that takes."""

    stream: str
    host: str


@dataclass(frozen=True, slots=True)
class Lose:
    """A stream was lost with its host, or never taken by it; counts as a failure, so a deadly video is backed off."""

    ending: Ending


Action: TypeAlias = StartHost | StopHost | Assign | Release | Change | Lose


def plan(view: View, settings: ServeSettings, now_s: float, jitter: random.Random) -> list[Action]:
    """Return what to do now; nothing once every wish is served, nodes are even and no host is idle beyond need.

    Streams are moved to another node only while nothing else is left to do, and never to empty a host.
    """
    wanted = {name: wish for name, wish in view.wishes.items() if not wish.paused}
    loads = _loads(view)
    evictions = list(_evictions(view, wanted))
    losses = list(_losses(view, wanted, settings, now_s, jitter))
    lost = {loss.ending.stream for loss in losses}
    waiting = [name for name in sorted(wanted) if name not in lost and _waits(view, wanted[name], settings, now_s)]
    placed = list(_placed(view, waiting, loads, settings.streams_per_host))
    active = sum(not _settled(view, wish) for wish in wanted.values())
    hosts = list(_hosts(view, loads, active, settings))
    for action in hosts:
        if isinstance(action, StopHost):
            del loads[action.host]
    moves = [] if evictions or losses or waiting else list(_moves(view, loads, settings))
    return [*evictions, *losses, *placed, *hosts, *moves]


def due_s(outcome: Outcome, settings: ServeSettings) -> float:
    """When a failed stream is to be tried again: exponential in its failures, shortened by its jitter, capped."""
    longest = min(settings.retry_cap_s, settings.retry_s * 2.0 ** min(outcome.count - 1, 60))
    return outcome.at_s + longest * outcome.jitter


def _loads(view: View) -> Loads:
    loads: Loads = {host.name: set(host.streams) for host in view.hosts.values() if host.ready}
    for stream, assigned in view.assigned.items():
        if assigned.host in loads and stream not in view.held:
            loads[assigned.host].add(stream)
    for stream, held in view.held.items():
        if held.host in loads:
            loads[held.host].add(stream)
    return loads


def _evictions(view: View, wanted: Mapping[str, Wish]) -> Iterator[Release | Change]:
    """What hosts have in hand and should not, or not so; said again until it is mended."""
    for host in view.hosts.values():
        for stream, generation in host.streams.items():
            if why := _unwanted(view, wanted, stream, host):
                yield Release(stream, host.name, why)
            elif generation != wanted[stream].generation:
                yield Change(stream, host.name)


def _unwanted(view: View, wanted: Mapping[str, Wish], stream: str, host: HostInfo) -> str:
    if stream not in view.wishes:
        return "it is not wished for any more"
    if stream not in wanted:
        return "it is paused"
    if stream in view.held and view.held[stream].host != host.name:
        return "another host runs it"
    return ""


def _losses(
    view: View, wanted: Mapping[str, Wish], settings: ServeSettings, now_s: float, jitter: random.Random
) -> Iterator[Lose]:
    for stream in sorted(set(wanted) & set(view.assigned) - set(view.held)):
        assigned = view.assigned[stream]
        host = view.hosts.get(assigned.host)
        if host is None:
            error = f"host {assigned.host} is gone"
        elif stream not in host.streams and now_s - assigned.at_s > settings.assign_s:
            error = f"host {assigned.host} did not take it within {settings.assign_s:g} s"
        else:
            continue
        chance = jitter.uniform(0.5, 1.0)
        yield Lose(Ending(stream, assigned.host, assigned.generation, "failed", error=error, jitter=chance))


def _waits(view: View, wish: Wish, settings: ServeSettings, now_s: float) -> bool:
    """The stream is to be placed now: nobody has it in hand, it is not over, and its back-off has passed."""
    stream = wish.stream
    if stream in view.held or stream in view.assigned or _settled(view, wish):
        return False
    if any(stream in host.streams for host in view.hosts.values()):
        return False  # its last host is still stopping it
    outcome = view.outcomes.get(stream)
    return outcome is None or outcome.generation != wish.generation or now_s >= due_s(outcome, settings)


def _settled(view: View, wish: Wish) -> bool:
    """There is nothing to run: a recording that is over, or a failure that only another wish can mend."""
    outcome = view.outcomes.get(wish.stream)
    if outcome is None or outcome.generation != wish.generation or wish.stream in view.held:
        return False
    return outcome.state == "ended" or outcome.final


def _placed(view: View, waiting: list[str], loads: Loads, room: int) -> Iterator[Assign]:
    """Streams go to the node that has the fewest, there to the host that has the fewest."""
    nodes = _by_node(view, loads)
    for stream in waiting:
        open_hosts = [host for host in loads if len(loads[host]) < room]
        if not open_hosts:
            return
        host = min(open_hosts, key=lambda name: (nodes[view.hosts[name].node], len(loads[name]), name))
        loads[host].add(stream)
        nodes[view.hosts[host].node] += 1
        yield Assign(stream, host)


def _by_node(view: View, loads: Loads) -> Counter[str]:
    """How many streams every node with a ready host has."""
    nodes = Counter[str]()
    for host, streams in loads.items():
        nodes[view.hosts[host].node] += len(streams)
    return nodes


def _hosts(view: View, loads: Loads, active: int, settings: ServeSettings) -> Iterator[StartHost | StopHost]:
    """Every node gets its share of the streams, and hosts for them; a host is stopped only when it has nothing."""
    here: dict[str, list[HostInfo]] = {node: [] for node in view.nodes}
    strays: list[HostInfo] = []
    for host in view.hosts.values():
        here.get(host.node, strays).append(host)
    starting = sum(not host.ready for host in view.hosts.values())
    starts = settings.starts_at_once - starting
    order = sorted(here, key=lambda node: (-len(here[node]), node))
    for number, node in enumerate(order):
        share = active // len(order) + (number < active % len(order))
        needed = -(-share // settings.streams_per_host)
        for _ in range(min(needed - len(here[node]), starts)):
            starts -= 1
            yield StartHost(node)
        yield from (StopHost(host) for host in _idle(here[node], loads)[: max(0, len(here[node]) - needed)])
    yield from (StopHost(host) for host in _idle(strays, loads))


def _idle(hosts: list[HostInfo], loads: Loads) -> list[str]:
    return [host.name for host in hosts if host.ready and not loads[host.name]]


def _moves(view: View, loads: Loads, settings: ServeSettings) -> Iterator[Release]:
    """Take from the node that has the most until nodes differ by one at most; whoever is released is placed elsewhere.

    Hosts of one node share its cores, so that nothing is gained by moving a stream between them, and a live one loses
    what its camera shows meanwhile. Those wished for last go first: adding streams does not disturb those that run.
    """
    counts, room = _by_node(view, loads), Counter[str]()
    free: dict[str, list[str]] = {node: [] for node in counts}
    for host, streams in loads.items():
        node = view.hosts[host].node
        room[node] += settings.streams_per_host - len(streams)
        free[node] += [name for name in streams if _held_by(view, name, host)]
    for names in free.values():
        names.sort(key=lambda name: (-view.wishes[name].generation if name in view.wishes else 0, name))
    for _ in range(settings.moves_at_once):
        fullest = max(counts, key=lambda node: (counts[node], node), default=None)
        emptiest = min((node for node in counts if room[node] > 0), key=lambda node: (counts[node], node), default=None)
        if fullest is None or emptiest is None or counts[fullest] - counts[emptiest] <= 1 or not free[fullest]:
            return
        counts[fullest] -= 1
        counts[emptiest] += 1
        room[emptiest] -= 1
        stream = free[fullest].pop(0)
        yield Release(stream, view.held[stream].host, f"node {emptiest} has less to do")


def _held_by(view: View, stream: str, host: str) -> bool:
    return stream in view.held and view.held[stream].host == host
