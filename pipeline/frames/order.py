"""What is asked of the decoder border, and what it gives."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from pipeline.source import SourceSettings
from pipeline.values import DecodedFrame


@dataclass(frozen=True, slots=True)
class Order:
    """What to decode.

    Attributes:
        uri: anything `open_source` opens.
        height, width: at which size its pictures will be wanted.
        start_at_s: media seconds at or before which reading shall begin; None for the start.
        epoch: number of the first epoch.
        threads: of the decoder.
        watchdog_s: seconds after which a camera that sends data, but no picture, is let go; None for a recording.
    """

    uri: str = field(repr=False)
    settings: SourceSettings
    height: int
    width: int
    start_at_s: float | None = None
    epoch: int = 0
    threads: int = 1
    watchdog_s: float | None = None

    def to_json(self) -> bytes:
        """Return the order as it crosses to another process, which believes it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields | {"settings": self.settings.model_dump()}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"settings": SourceSettings(**fields["settings"])})


@dataclass(frozen=True, slots=True)
class Opened:
    """An open source.

    Attributes:
        live: it has no end of its own.
        duration_s: declared length, or None.
        frames: everything it shows, in order; iterated once. Each frame's picture can be had until the next good frame
            has been taken, and the last good one's also after the source was closed.
    """

    live: bool
    duration_s: float | None
    frames: Iterator[DecodedFrame]
