"""Reading the board: everything at one look, in two round trips however many streams there are."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.control.records import Assigned, Held, HostInfo, Outcome, View
from pipeline.control.wish import from_json
from pipeline.timeline.clients import evaluate
from pipeline.timeline.keys import HOSTS, WISH_PATTERN, WISHES, StreamKeys, host_key, stream_of

_TIME_LUA = "return redis.call('TIME')"  # a cluster has a clock for each key
_PER_STREAM = 4  # answers for each stream in `view`


def view(client: Any, nodes: tuple[str, ...]) -> View:
    """Return wishes, hosts, leases, assignments and outcomes."""
    alive, streams = hosts(client), names(client)
    with client.pipeline(transaction=False) as pipe:
        evaluate(pipe, _TIME_LUA, [WISHES], [])
        for name in streams:
            keys = StreamKeys(name)
            pipe.hgetall(keys.wish).get(keys.hold).hgetall(keys.assigned).hgetall(keys.outcome)
        (seconds, micros), *answers = pipe.execute()
    wish, hold, assigned, outcome = (
        dict(_there(streams, answers[offset::_PER_STREAM])) for offset in range(_PER_STREAM)
    )
    return View(
        now_s=int(seconds) + int(micros) / 1e6,
        wishes={name: from_json(found[b"wish"], int(found[b"generation"])) for name, found in wish.items()},
        hosts=alive,
        held={name: Held(*json.loads(found)[:2]) for name, found in hold.items()},
        assigned={name: _assigned(found) for name, found in assigned.items()},
        outcomes={name: _outcome(found) for name, found in outcome.items()},
        nodes=nodes,
    )


def hosts(client: Any) -> dict[str, HostInfo]:
    """Return the hosts that are alive, by name, and tidy the index."""
    known = sorted(name.decode() for name in client.smembers(HOSTS))
    with client.pipeline(transaction=False) as pipe:
        for name in known:
            pipe.get(host_key(name))
        alive = dict(_there(known, pipe.execute()))
    if gone := [name for name in known if name not in alive]:
        client.srem(HOSTS, *gone)  # one that still lives comes back with its next beat
    return {name: HostInfo.from_json(text) for name, text in alive.items()}


def names(client: Any) -> list[str]:
    """Return the streams that are wished for; an index that was lost is rebuilt from the keys."""
    known = {name.decode() for name in client.smembers(WISHES)}
    if not known:
        known = {stream_of(key.decode()) for key in client.scan_iter(WISH_PATTERN, count=1000)}
        if known:
            client.sadd(WISHES, *known)
    return sorted(known)


def _there(known: list[str], answers: list[Any]) -> Iterator[tuple[str, Any]]:
    return ((name, answer) for name, answer in zip(known, answers, strict=True) if answer)


def _assigned(found: Mapping[bytes, bytes]) -> Assigned:
    return Assigned(found[b"host"].decode(), int(found[b"generation"]), float(found[b"at"]))


def _outcome(found: Mapping[bytes, bytes]) -> Outcome:
    text = {field.decode(): value.decode() for field, value in found.items()}
    state: Any = text["state"]
    return Outcome(
        state=state,
        generation=int(text["generation"]),
        count=int(text["count"]),
        at_s=float(text["at"]),
        jitter=float(text["jitter"]),
        error=text["error"],
        final=text["final"] == "1",
    )
