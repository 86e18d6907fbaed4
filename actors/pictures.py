"""What streams show now, from the hosts that watch them: asked for by name, never through the store."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import ray
from ray.exceptions import GetTimeoutError, RayError

from actors.named import found
from pipeline.clock import Clock, SystemClock
from pipeline.control.board import Board
from pipeline.control.records import Held

PATIENCE_S = 1.0
"""How long a host may take."""
FRESH_S = 0.5
"""So long a picture is shown to others who ask for it."""
GROUP, AT_ONCE = "pictures", 2
"""The concurrency group of a host's `picture`, which never keeps its streams waiting, and how many run at once."""

_LOOK_S = 1.0
_MOST = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """What a stream shows at one moment.

    Attributes:
        jpeg: at most 640 pixels wide or high.
        time_s: timeline seconds.
    """

    jpeg: bytes = field(repr=False)
    time_s: float


Fetch: TypeAlias = Callable[[str, str], Picture | None]
"""Asks the host of the first name for what the stream of the second shows."""


def fetch(host: str, stream: str) -> Picture | None:
    """Ask a host, which may be gone; nobody is asked before this process is connected to Ray, which would start one."""
    actor = found(host) if ray.is_initialized() else None
    if actor is None:
        return None
    try:
        asked = actor.picture.options(concurrency_group=GROUP).remote(stream)
        picture: Picture | None = ray.get(asked, timeout=PATIENCE_S)
    except (GetTimeoutError, RayError):
        return None
    return picture


@dataclass(eq=False, slots=True)
class _Place:
    """Where a stream's picture is kept for a moment, and who is getting a new one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    taken_s: float = -FRESH_S
    picture: Picture | None = None


class Pictures:
    """Knows whom to ask; many who want the same picture at the same time get one. Safe to share between threads.

    Args:
        board: says who watches what; it is looked at once a second.
    """

    def __init__(self, board: Board, fetch: Fetch = fetch, clock: Clock | None = None) -> None:
        self._board = board
        self._fetch = fetch
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._looking = threading.Lock()
        self._held: Mapping[str, Held] = {}
        self._looked_s: float | None = None

    def __call__(self, stream: str) -> Picture | None:
        """Return what a stream shows, after `PATIENCE_S` or so; None where nobody watches it, or it shows nothing.

        Raises:
            StoreError: nobody can tell who watches it.
        """
        place = self._place(stream)
        with place.lock:
            if self._clock.monotonic_s() - place.taken_s >= FRESH_S:
                held = self._who().get(stream)
                place.picture = None if held is None else self._fetch(held.host, stream)
                place.taken_s = self._clock.monotonic_s()
            return place.picture

    def _place(self, stream: str) -> _Place:
        old_s = self._clock.monotonic_s() - FRESH_S
        with self._lock:
            if len(self._places) > _MOST:
                self._places = {name: place for name, place in self._places.items() if place.taken_s > old_s}
            return self._places.setdefault(stream, _Place())

    def _who(self) -> Mapping[str, Held]:
        with self._looking:
            now_s = self._clock.monotonic_s()
            if self._looked_s is None or now_s - self._looked_s >= _LOOK_S:
                self._held, self._looked_s = self._board.held(), now_s
            return self._held
