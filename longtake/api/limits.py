"""How often an address may show credentials that are none."""

import ipaddress
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

from pipeline.clock import Clock

MOST_ADDRESSES = 10_000
"""More are not remembered: the one that failed longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """`most` failures at once, and as many again over `period_s`."""

    most: int = 10
    period_s: float = 60.0


class Failures:
    """Counts failures by client; safe to share between threads.

    Each failure is forgotten at a constant pace, so that who has failed `most` times may try again a little later, not
    after a whole period. Memory is bounded by `MOST_ADDRESSES`.
    """

    def __init__(self, limit: FailureLimit, clock: Clock) -> None:
        self._pause_s = limit.period_s / limit.most
        self._burst_s = limit.period_s - self._pause_s
        self._clock = clock
        self._free_s: OrderedDict[str, float] = OrderedDict()  # when all failures of a client will be forgotten
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> int:
        """Return the whole seconds this client has to wait before it is listened to again; 0: none."""
        with self._lock:
            free_s = self._free_s.get(_client(address), 0.0)
        return max(0, math.ceil(free_s - self._burst_s - self._clock.monotonic_s()))

    def add(self, address: str) -> None:
        """Note a failure."""
        client, now_s = _client(address), self._clock.monotonic_s()
        with self._lock:
            self._free_s[client] = max(now_s, self._free_s.pop(client, 0.0)) + self._pause_s
            if len(self._free_s) > MOST_ADDRESSES:
                self._free_s.popitem(last=False)


def _client(address: str) -> str:
    """One client has one IPv4 address, or a whole /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
