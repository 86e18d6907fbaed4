"""The hub: one follower of the event logs for all live clients of this process.

Two threads read the store while somebody listens: one waits for commits, one looks once a second at what the logs do
not tell. All that clients touch belongs to their event loop.
"""

import asyncio
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from longtake.api.listener import Listener
from longtake.api.look import Describe, Look
from longtake.api.messages import Interest, Message, told
from pipeline.clock import Clock, SystemClock
from pipeline.errors import StoreError
from pipeline.timeline.follow import Follower
from pipeline.timeline.records import Event
from pipeline.timeline.store import TimelineStore

MOST_MISSED = 2000
"""Events that a client which comes back may have missed; who missed more begins anew."""

_POLL_S = 1.0
_IDLE_S = 30.0
_REMEMBERED = 10_000


class Hub:
    """Tells live clients what is committed, in the order of each stream's log.

    Attributes:
        listeners: how many clients there are.

    Args:
        store: stays the caller's to close, after the hub.
        describe: tells what is known of streams.
    """

    def __init__(self, store: TimelineStore, describe: Describe, clock: Clock | None = None) -> None:
        self._store = store
        self._describe = describe
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()  # of starting and ending
        self._closed = False
        self._over = threading.Event()  # of the threads that run now
        self._over.set()
        self._asked_s = 0.0
        self._changed = threading.Event()  # a state stands in a log: look now
        self._threads: list[threading.Thread] = []
        self._watched: tuple[Interest, ...] = ()
        self.listeners = 0
        # Of the event loop:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[Interest, set[Listener]] = defaultdict(set)
        self._at: Mapping[str, str] = {}
        self._final: OrderedDict[tuple[str, str], None] = OrderedDict()  # segments that were told to be closed

    def start(self) -> None:
        """Follow the logs from now on, if that is not done already; somebody is about to join.

        Raises:
            StoreError: the store does not answer now.
        """
        with self._lock:
            self._asked_s = self._clock.monotonic_s()
            if self._closed or not self._over.is_set():
                return
            follower, over = Follower(self._store, self._store.names), threading.Event()
            self._at, self._over = dict(follower.positions), over
            self._threads = [
                threading.Thread(target=self._follow, args=(follower, over), name="live-follow", daemon=True),
                threading.Thread(target=self._look, args=(over,), name="live-look", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    def close(self) -> None:
        """Let all clients go and end; takes about a second."""
        with self._lock:
            self._closed = True
            self._over.set()
            self._changed.set()
        self._in_loop(self._let_go)
        for thread in self._threads:
            thread.join()

    def join(self, interest: Interest) -> tuple[Listener, Mapping[str, str]]:
        """Add a client; return its queue, and where the logs stand from which on it is told everything.

        Called in the event loop, as are `leave` and everything of a `Listener`, after `start`.
        """
        self._loop = asyncio.get_running_loop()
        listener = Listener(interest)
        self._listeners[interest].add(listener)
        self.listeners += 1
        self._watched = tuple(self._listeners)
        if self._closed:
            listener.close()
        return listener, self._at

    def leave(self, listener: Listener) -> None:
        """Forget a client."""
        self._listeners[listener.interest].remove(listener)
        self.listeners -= 1
        if not self._listeners[listener.interest]:
            del self._listeners[listener.interest]
        self._watched = tuple(self._listeners)

    def missed(self, since: Mapping[str, str], until: Mapping[str, str], interest: Interest) -> list[Message] | None:
        """Return what the logs hold for a client between two places; None where that is too much.

        Raises:
            StoreError: the store does not answer now.
        """
        names = [name for name in until if name in since and interest.wants_stream(name)]
        follower = Follower(self._store, lambda: names, {name: since[name] for name in names})
        news: list[tuple[str, Event]] = []
        while found := follower.poll(0.0):
            news += [(name, event) for name, event in found if _number(event.id) <= _number(until[name])]
            if len(news) > MOST_MISSED:
                return None
        return [message for message in told(news, dict(since)) if interest.wants(message)]

    def _goes_on(self, over: threading.Event) -> bool:
        """Tell whether the threads go on; where nobody has listened for a while they end."""
        with self._lock:
            if not self._watched and self._clock.monotonic_s() - self._asked_s > _IDLE_S:
                over.set()
            return not over.is_set()

    def _follow(self, follower: Follower, over: threading.Event) -> None:
        at = dict(follower.positions)
        try:
            while self._goes_on(over):
                try:
                    news = follower.poll(_POLL_S)
                except StoreError:
                    self._clock.wait(over, _POLL_S)
                    continue
                self._in_loop(self._tell, list(told(news, at)), dict(at))
                if any(event.kind == "state" for _, event in news):
                    self._changed.set()
        finally:
            self._end(over)

    def _look(self, over: threading.Event) -> None:
        look = Look(self._store, self._describe)
        try:
            while self._goes_on(over):
                with suppress(StoreError):
                    self._in_loop(self._tell_moved, look.step(self._is_watched))
                self._clock.wait(self._changed, _POLL_S)
                self._changed.clear()
        finally:
            self._end(over)

    def _is_watched(self, stream: str) -> bool:
        return any(interest.wants_stream(stream) for interest in self._watched)

    def _end(self, over: threading.Event) -> None:
        """One thread has ended: so does the other, and whoever still listens comes back to begin anew."""
        over.set()
        if over is self._over:
            self._in_loop(self._let_go)

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and all clients with it
                self._loop.call_soon_threadsafe(call, *arguments)

    def _tell(self, messages: Sequence[Message], at: Mapping[str, str]) -> None:
        self._at = at
        for message in messages:
            self._final.pop(message.about, None)
            if message.final:
                self._final[message.about] = None
        while len(self._final) > _REMEMBERED:
            self._final.popitem(last=False)
        self._hand_out(messages)

    def _tell_moved(self, messages: Sequence[Message]) -> None:
        """What was read before a segment was closed must not open it again."""
        self._hand_out([message for message in messages if message.about not in self._final])

    def _hand_out(self, messages: Sequence[Message]) -> None:
        for interest, listeners in self._listeners.items():
            content = b"".join(message.content for message in messages if interest.wants(message))
            if content:
                for listener in listeners:
                    listener.offer(content)

    def _let_go(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()


def _number(id_: str) -> tuple[int, int]:
    ms, _, count = id_.partition("-")
    return int(ms), int(count)
