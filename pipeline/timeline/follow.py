"""Following the event logs of many streams, for live clients, alerts and iterators."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from redis.cluster import RedisCluster

from pipeline.timeline.clients import masters
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.reads import event_of
from pipeline.timeline.records import Event
from pipeline.timeline.store import TimelineStore

AT_ONCE = 100
"""Entries of one stream that one look takes; those of many streams come together."""

LONGEST_S = 2.0
"""One wait of a server for news: a new stream is seen after so long at the latest, and its time-out is longer."""

_LOOK_S = 0.03
"""Of a cluster, which has no command to wait for news of several streams, so it is looked at again and again."""

_Entries: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]


class Follower:
    """Tells what is committed to streams, each entry of their event logs once; used from one thread at a time.

    Entries of one stream come in the order of its log; between streams there is none. A log keeps about
    `StoreSettings.events_kept` entries, and who asks more seldom misses the older ones. What a store has lost in a
    crash and gets again has new entries: segments are told once more, under the same ids.

    Args:
        names: the streams to follow, asked before each look. One that appears later is followed from where this
            follower was made, one that is gone is left alone.
        positions: id of the last entry seen, by stream; streams that are not in it are followed from now.

    Raises:
        StoreError: the store does not answer now.
    """

    def __init__(
        self,
        store: TimelineStore,
        names: Callable[[], Sequence[str]],
        positions: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._client: Any = store.client
        self._names = names
        self._positions = dict(positions or {})
        with store.border():
            self._begun = f"{_server_ms(self._client)}-0"
            self._positions |= self._newest([name for name in names() if name not in self._positions])

    @property
    def positions(self) -> Mapping[str, str]:
        """Id of the last entry told, by stream: with it another follower goes on where this one stands."""
        return self._positions

    def poll(self, timeout_s: float) -> list[tuple[str, Event]]:
        """Return what is new, by stream; waits up to `timeout_s` (and no longer than `LONGEST_S`) for some.

        Raises:
            StoreError: nothing was told and no position has moved: ask again.
        """
        timeout_s = min(timeout_s, LONGEST_S)
        with self._store.border():
            names = self._names()
            for name in names:
                self._positions.setdefault(name, self._begun)
            read = self._look_often if isinstance(self._client, RedisCluster) else self._wait
            found = read(names, timeout_s) if names else {}
        news = [(name, event_of(name, *entry)) for name, entries in found.items() for entry in entries]
        self._positions |= {name: event.id for name, event in news}
        if not names:
            time.sleep(timeout_s)
        return news

    def _wait(self, names: Sequence[str], timeout_s: float) -> dict[str, _Entries]:
        keys = {StreamKeys(name).events: name for name in names}
        after = {key: self._positions[name] for key, name in keys.items()}
        answer = self._client.xread(after, count=AT_ONCE, block=max(1, round(timeout_s * 1000)))
        return {keys[key.decode()]: entries for key, entries in answer}

    def _look_often(self, names: Sequence[str], timeout_s: float) -> dict[str, _Entries]:
        until_s = time.monotonic() + timeout_s
        while True:
            with self._client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.xrange(StreamKeys(name).events, min=_after(self._positions[name]), count=AT_ONCE)
                answers = pipe.execute()
            found = {name: entries for name, entries in zip(names, answers, strict=True) if entries}
            left_s = until_s - time.monotonic()
            if found or left_s <= 0:
                return found
            time.sleep(min(_LOOK_S, left_s))

    def _newest(self, names: Sequence[str]) -> dict[str, str]:
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.xrevrange(StreamKeys(name).events, count=1)
            answers = pipe.execute()
        found = zip(names, answers, strict=True)
        return {name: entries[0][0].decode() if entries else self._begun for name, entries in found}


def _after(position: str) -> str:
    """The least id that follows; Redis 6.0 has no ranges without their ends."""
    ms, _, count = position.partition("-")
    return f"{ms}-{int(count) + 1}"


def _server_ms(client: Any) -> int:
    """The clock that numbers the entries; of a cluster the slowest."""
    clocks = [client.time(**where) for where in masters(client)]
    return min(int(seconds) * 1000 + int(micros) // 1000 for seconds, micros in clocks)
