"""One live client: what it is still to be told, bounded."""

import asyncio
from collections import deque

from longtake.api.messages import Interest

MOST_BYTES = 128 * 1024
"""A client that is behind by more is let go; it comes back and goes on where it stood."""


class Listener:
    """A queue between the hub and one connection; both use it in one event loop."""

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self.closed = False
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()

    def offer(self, content: bytes) -> None:
        """Add what the client shall be told; one that is too far behind is closed instead."""
        if self._size + len(content) > MOST_BYTES:
            self.close()
        elif not self.closed:
            self._waiting.append(content)
            self._size += len(content)
            self._news.set()

    def close(self) -> None:
        """Tell no more; what was not told yet is forgotten."""
        self.closed = True
        self._waiting.clear()
        self._news.set()

    async def next(self, timeout_s: float) -> bytes:
        """Return all there is to tell; empty when it is closed, or when nothing came within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return b""
        content = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        if not self.closed:
            self._news.clear()
        return content
