"""The outbox: what is to be delivered to whom, and how far the event logs were read, in Redis.

Everything lies in one slot, so that what an event gives to deliver and the note that it was read are written at once.
Every method may raise a `StoreError`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

import pipeline.control
from pipeline.alerts.letters import Letter
from pipeline.alerts.rules import NOTHING, Memory, committed_s
from pipeline.errors import redact
from pipeline.timeline.clients import masters
from pipeline.timeline.keys import AlertKeys
from pipeline.timeline.store import TimelineStore

_SCRIPTS = Path(__file__).parent
_LEAD_LUA = (Path(pipeline.control.__file__).parent / "lead.lua").read_text()
_MARK = ""  # no stream has this name


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream's event log was read.

    Attributes:
        at: id of the last entry.
        begun: there was such an entry; else it is but where to begin.
        memory: what the rules remember.
    """

    at: str
    begun: bool = True
    memory: Memory = NOTHING

    def to_json(self) -> str:
        """Return what the outbox keeps."""
        return json.dumps([self.at, self.begun, sorted(self.memory.waiting), dict(self.memory.last_s)])

    @classmethod
    def from_json(cls, text: bytes) -> "Place":
        """Return the place that `to_json` wrote."""
        at, begun, waiting, last_s = json.loads(text)
        return cls(at, begun, Memory(frozenset((rule, id_) for rule, id_ in waiting), last_s))


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter in the outbox.

    Attributes:
        id: of the entry; begins with the milliseconds since which it waits, or is dead.
        reason: why it could not be delivered; empty while it waits.
    """

    id: str
    letter: Letter
    reason: str = ""

    @property
    def since_s(self) -> float:
        """Unix seconds since which it waits, or is dead."""
        return committed_s(self.id)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one target: what waits and what is dead now; what was delivered, died and was dropped since ever."""

    waiting: int = 0
    dead: int = 0
    delivered: int = 0
    died: int = 0
    dropped: int = 0


class AlertOutbox:
    """Reads and writes it; safe to share between threads.

    Args:
        store: whose server it lives in; stays the caller's to close.
        waiting, dead: how much is kept for a target; beyond, the oldest is dropped and counted.
    """

    def __init__(self, store: TimelineStore, waiting: int, dead: int) -> None:
        self._store = store
        self._client: Any = store.client
        self._keys = AlertKeys()
        self._limits = waiting, dead
        self._lead = self._client.register_script(_LEAD_LUA)
        self._put, self._bury, self._revive = (
            self._client.register_script((_SCRIPTS / f"{name}.lua").read_text()) for name in ("put", "bury", "revive")
        )

    def lead(self, token: str, ttl_s: float) -> bool:
        """Take or renew the right to watch and deliver; False while another process has it."""
        with self._store.border():
            return bool(self._lead([self._keys.leader], [token, max(1, round(ttl_s * 1000))]))

    def resign(self, token: str) -> None:
        """Give the right up, so that the next one need not wait for its end."""
        with self._store.border():
            if self._client.get(self._keys.leader) == token.encode():
                self._client.unlink(self._keys.leader)  # at worst the next leader waits one look longer

    def now(self) -> str:
        """Return the entry id that the server's clock stands at; of a cluster the slowest of its clocks."""
        with self._store.border():
            seconds, microseconds = min(self._client.time(**where) for where in masters(self._client))
        return f"{seconds * 1000 + microseconds // 1000}-0"

    def places(self) -> dict[str, Place]:
        """Return how far the event logs were read, by stream."""
        with self._store.border():
            found = self._client.hgetall(self._keys.places)
        return {name.decode(): Place.from_json(text) for name, text in found.items() if name.decode() != _MARK}

    def mark(self) -> str | None:
        """Return from where to read the event log of a stream that has no place; None before the first `put`."""
        with self._store.border():
            found = self._client.hget(self._keys.places, _MARK)
        return None if found is None else str(found.decode())

    def forget(self, streams: Sequence[str]) -> None:
        """Forget how far these were read."""
        if streams:
            with self._store.border():
                self._client.hdel(self._keys.places, *streams)

    def put(
        self,
        token: str,
        places: Mapping[str, Place],
        letters: Sequence[tuple[str, Letter]] = (),
        mark: str | None = None,
    ) -> Mapping[str, int] | None:
        """Write down how far was read and what that gives to deliver, as (target, letter), at once.

        Returns:
            How many were dropped, by target; None, and nothing written, where another process leads.
        """
        flat = [part for name, place in places.items() for part in (name, place.to_json())]
        flat += [] if mark is None else [_MARK, mark]
        rows = [(self._keys.waiting(target), target, letter.to_json()) for target, letter in letters]
        keys = [self._keys.leader, self._keys.places, self._keys.counts, *dict.fromkeys(row[0] for row in rows)]
        with self._store.border():
            # The old raw type for text and bytes alike: the unpacker inside Redis 6 knows no other.
            packed = msgpack.packb([flat, rows], use_bin_type=False)
            answer = self._put(keys, [token, self._limits[0], packed])
        if answer is None:
            return None
        dropped: dict[str, int] = {}
        for target, count in zip(answer[::2], answer[1::2], strict=True):
            dropped[target.decode()] = dropped.get(target.decode(), 0) + int(count)
        return dropped

    def waiting(self, target: str, limit: int) -> list[Entry]:
        """Return what has waited longest for a target."""
        with self._store.border():
            return _entries(self._client.xrange(self._keys.waiting(target), count=limit))

    def delivered(self, target: str, entry: Entry) -> None:
        """A target has taken it."""
        with self._store.border(), self._client.pipeline(transaction=False) as pipe:
            pipe.xdel(self._keys.waiting(target), entry.id).hincrby(self._keys.counts, f"delivered:{target}", 1)
            pipe.execute()

    def bury(self, target: str, entries: Sequence[Entry], reason: str) -> None:
        """Try these no more, but keep them; `reason` is kept redacted."""
        keys = [self._keys.waiting(target), self._keys.dead(target), self._keys.counts]
        with self._store.border():
            self._bury(keys, [target, self._limits[1], redact(reason), *(one.id for one in entries)])

    def dead(self, target: str, limit: int) -> list[Entry]:
        """Return what died last of what could not be delivered to a target."""
        with self._store.border():
            return _entries(self._client.xrevrange(self._keys.dead(target), count=limit))

    def revive(self, target: str) -> int:
        """Let everything that is dead wait again, as if it were new; return how many."""
        with self._store.border():
            return int(self._revive([self._keys.waiting(target), self._keys.dead(target)]))

    def counts(self, target: str) -> Counts:
        """Return how many there are of a target."""
        fields = [f"{what}:{target}" for what in ("delivered", "dead", "dropped")]
        with self._store.border(), self._client.pipeline(transaction=False) as pipe:
            pipe.xlen(self._keys.waiting(target)).xlen(self._keys.dead(target)).hmget(self._keys.counts, fields)
            waiting, dead, totals = pipe.execute()
        return Counts(waiting, dead, *(int(total or 0) for total in totals))


def _entries(found: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Entry]:
    return [
        Entry(id_.decode(), Letter.from_json(fields[b"letter"]), fields.get(b"reason", b"").decode())
        for id_, fields in found
    ]
