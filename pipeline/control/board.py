"""The board: desired state, hosts, leases and outcomes in Redis, where supervisor, hosts and commands meet.

What belongs to a stream lies in keys with the stream's hash tag; the two indexes across streams (wishes, hosts) can be
rebuilt. Times are those of the server, so no machine's clock has a say. Every method may raise a `StoreError`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.control import look
from pipeline.control.records import Ending, Held, Hold, HostInfo, View
from pipeline.control.scale import Pool
from pipeline.control.wish import Wish, from_json, to_json
from pipeline.errors import AlreadyThere, NotThere, redact
from pipeline.timeline.clients import evaluate
from pipeline.timeline.keys import HOSTS, POKES, POOLS, RULES, SHARE, SUPERVISOR, WISHES, StreamKeys, host_key
from pipeline.timeline.store import TimelineStore

_SCRIPTS = Path(__file__).parent
_KEEP_LUA = (_SCRIPTS / "keep.lua").read_text()


class Board:
    """Reads and writes the control plane; safe to share between threads.

    Args:
        store: whose server it lives in; stays the caller's to close.
    """

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._client: Any = store.client
        self._wish, self._assign, self._ending, self._lead = (
            self._client.register_script((_SCRIPTS / f"{name}.lua").read_text())
            for name in ("wish", "assign", "ending", "lead")
        )

    # Wishes

    def put(self, wish: Wish, replace: bool = False) -> Wish:
        """Write a wish; return it with its new generation.

        Raises:
            AlreadyThere: the stream is wished for already, and `replace` is not set.
        """
        with self._store.border():
            self._client.sadd(WISHES, wish.stream)  # first: a name too many is skipped, a missing one never served
        stored = self._written(wish, "any" if replace else "none")
        if stored is None:
            raise AlreadyThere(f"stream {wish.stream!r} is there already; choose another name, or remove it first")
        return stored

    def change(self, stream: str, **fields: Any) -> Wish:
        """Change fields of a wish at once; even without any its generation grows, so that a run is replaced.

        Raises:
            NotThere: no such stream.
            UsageError: a value that is not allowed.
        """
        while True:
            before = self.wish(stream)
            after = self._written(replace(before, **fields), str(before.generation))
            if after is not None:
                return after

    def remove(self, stream: str) -> None:
        """Forget the wish; whoever runs the stream is told to stop by the supervisor.

        Raises:
            NotThere: no such stream.
        """
        keys = StreamKeys(stream)
        with self._store.border():
            gone = self._client.unlink(keys.wish)
            self._client.unlink(keys.assigned, keys.outcome)
            self._client.srem(WISHES, stream)
        if not gone:
            raise self._unknown(stream)

    def wish(self, stream: str) -> Wish:
        """Return one wish, or raise `NotThere` naming the streams there are."""
        with self._store.border():
            text, generation = self._client.hmget(StreamKeys(stream).wish, "wish", "generation")
        if text is None:
            raise self._unknown(stream)
        return from_json(text, int(generation))

    def wishes(self) -> dict[str, Wish]:
        """Return all wishes by stream."""
        return dict(self.view().wishes)

    def _written(self, wish: Wish, expected: str) -> Wish | None:
        with self._store.border():
            generation = self._wish([StreamKeys(wish.stream).wish], [expected, to_json(wish)])
        return None if generation is None else replace(wish, generation=int(generation))

    def _unknown(self, stream: str) -> NotThere:
        with self._store.border():
            names = ", ".join(look.names(self._client)) or "none yet"
        return NotThere(f"there is no stream {stream!r} to be served; there are: {names}")

    # Hosts and leases

    def beat(self, host: HostInfo, ttl_s: float = 5.0) -> None:
        """Show that a host is alive, for `ttl_s`."""
        with self._store.border(), self._client.pipeline(transaction=False) as pipe:
            pipe.sadd(HOSTS, host.name).set(host_key(host.name), host.to_json(), px=_ms(ttl_s)).execute()

    def forget_host(self, name: str) -> None:
        """A host has left in good order."""
        with self._store.border():
            self._client.unlink(host_key(name))
            self._client.srem(HOSTS, name)

    def hosts(self) -> dict[str, HostInfo]:
        """Return the hosts that are alive, by name."""
        with self._store.border():
            return look.hosts(self._client)

    def keep(self, stream: str, host: str, token: str, generation: int, ttl_s: float = 5.0) -> bool:
        """Renew a lease; False if another run has claimed the stream since."""
        return self.keep_all([Hold(stream, host, token, generation)], ttl_s)[stream]

    def keep_all(self, holds: Sequence[Hold], ttl_s: float = 5.0) -> dict[str, bool]:
        """Renew many leases in one round trip; say for each stream whether it is still the host's."""
        with self._store.border(), self._client.pipeline(transaction=False) as pipe:
            for hold in holds:
                keys = StreamKeys(hold.stream)
                evaluate(pipe, _KEEP_LUA, [keys.meta, keys.hold], [hold.token, hold.to_json(), _ms(ttl_s)])
            answers = pipe.execute()
        return {hold.stream: bool(answer) for hold, answer in zip(holds, answers, strict=True)}

    def held(self) -> dict[str, Held]:
        """Return who runs what of the streams that are wished for."""
        return dict(self.view().held)

    def assign(self, stream: str, host: str, generation: int) -> bool:
        """Note that `host` shall run the stream; False if another is noted, or the wish is of another generation."""
        keys = StreamKeys(stream)
        with self._store.border():
            return bool(self._assign([keys.assigned, keys.wish], [host, generation]))

    def note(self, ending: Ending, forgive_s: float = 90.0) -> bool:
        """Note how a run ended and give up its lease; False, and nothing written, if the stream is somebody else's.

        Failures count on from the last one of the same generation, unless that is longer ago than `forgive_s`.
        """
        keys = StreamKeys(ending.stream)
        told = [redact(ending.error), int(ending.final), repr(ending.jitter), repr(forgive_s)]
        arguments = [ending.token, ending.host, ending.generation, ending.state, *told]
        with self._store.border():
            return bool(self._ending([keys.meta, keys.assigned, keys.hold, keys.outcome, keys.wish], arguments))

    # Supervisor

    def lead(self, token: str, ttl_s: float) -> bool:
        """Take or renew the right to act; False while another supervisor has it."""
        with self._store.border():
            return bool(self._lead([SUPERVISOR], [token, _ms(ttl_s)]))

    def resign(self, token: str) -> None:
        """Give the right up, so that the next supervisor need not wait for its end."""
        with self._store.border():
            if self._client.get(SUPERVISOR) == token.encode():
                self._client.unlink(SUPERVISOR)  # at worst the next leader waits one look longer

    def leader(self) -> str:
        """Return the token of the supervisor that acts; empty while none does."""
        with self._store.border():
            token = self._client.get(SUPERVISOR)
        return "" if token is None else str(token.decode())

    def poke(self) -> None:
        """Wake the supervisor: there is something to do."""
        with self._store.border(), self._client.pipeline(transaction=False) as pipe:
            pipe.lpush(POKES, 1).ltrim(POKES, 0, 0).execute()

    def poked(self, timeout_s: float) -> bool:
        """Wait for a poke; False when none came within `timeout_s` (> 0, shorter than the store's time-out)."""
        with self._store.border():
            return self._client.blpop(POKES, timeout=timeout_s) is not None

    def view(self, nodes: Iterable[str] = ()) -> View:
        """Look at everything at once; single streams may change while the rest is read."""
        with self._store.border():
            return look.view(self._client, tuple(nodes))

    # Pools of model workers

    def pools(self) -> dict[str, Pool]:
        """Return who serves which model, by the model's fingerprint."""
        with self._store.border():
            found = self._client.hgetall(POOLS)
        return {fingerprint.decode(): Pool.from_json(text) for fingerprint, text in found.items()}

    def set_pool(self, fingerprint: str, pool: Pool | None) -> None:
        """Say who serves a model; None where nobody does any more."""
        with self._store.border():
            if pool is None:
                self._client.hdel(POOLS, fingerprint)
            else:
                self._client.hset(POOLS, fingerprint, pool.to_json())

    def share(self) -> float:
        """Return the share of their clips that live streams are to let in."""
        with self._store.border():
            share = self._client.get(SHARE)
        return 1.0 if share is None else float(share)

    def set_share(self, share: float) -> None:
        """Tell every host what live streams are to let in."""
        with self._store.border():
            self._client.set(SHARE, repr(share))

    # What the server allows

    def publish(self, rules: Mapping[str, Any]) -> None:
        """Tell commands elsewhere what the server allows."""
        with self._store.border():
            self._client.set(RULES, json.dumps(rules))

    def rules(self) -> dict[str, Any]:
        """Return what the last server allowed; empty where there was none."""
        with self._store.border():
            text = self._client.get(RULES)
        rules: dict[str, Any] = {} if text is None else json.loads(text)
        return rules

    def position(self, stream: str) -> tuple[int, int] | None:
        """Return (epoch, step) of the stream's last commit, or None where it was never claimed."""
        with self._store.border():
            epoch, step = self._client.hmget(StreamKeys(stream).meta, "epoch", "step")
        return None if epoch is None else (int(epoch), int(step))


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
