"""A stuck source is not a closed one: packets that give no pictures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.clock import Clock
from pipeline.errors import SourceTimeout
from pipeline.source.info import SourceInfo
from pipeline.source.open import Source

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream


class Watchdog:
    """The packets of a source, as long as whoever decodes them has `seen` a picture within `limit_s`.

    A source that sends nothing at all is noticed by the source itself (`read_timeout_s`).
    """

    def __init__(self, source: Source, limit_s: float, clock: Clock) -> None:
        self.codec = source.codec
        self.time_base = source.time_base
        self.first_pts_s = source.first_pts_s
        self._source = source
        self._limit_s = limit_s
        self._clock = clock
        self.seen()

    @property
    def info(self) -> SourceInfo:
        """What is known of the source by now."""
        return self._source.info

    def seen(self) -> None:
        """A picture has come."""
        self._seen_s = self._clock.monotonic_s()

    def __iter__(self) -> "Iterator[av.Packet[VideoStream]]":
        """Yield packets.

        Raises:
            SourceTimeout: they come, but no picture has for `limit_s`.
            SourceError: as the source's own.
        """
        for packet in self._source:
            if self._clock.monotonic_s() - self._seen_s > self._limit_s:
                raise SourceTimeout(f"{self.info.uri} sends data, but no picture for {self._limit_s:g} s")
            yield packet
