"""What is asked of the decoder border, and what it gives."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Self

from pipeline.source import SourceSettings
from pipeline.values import DecodedFrame, MotionSpec, Picture, Scaling


@dataclass(frozen=True, slots=True)
class Order:
    """What to decode.

    Attributes:
        uri: anything `open_source` opens.
        height, width, scaling: what of its pictures will be wanted.
        motion: which motion will be found in them.
        start_at_s: media seconds at or before which reading shall begin; None for the start.
        epoch: number of the first epoch.
        threads: of the decoder.
        watchdog_s: seconds after which a camera that sends data, but no picture, is let go; None for a recording.
    """

    uri: str = field(repr=False)
    settings: SourceSettings
    height: int
    width: int
    scaling: Scaling | None = None
    motion: MotionSpec | None = None
    start_at_s: float | None = None
    epoch: int = 0
    threads: int = 1
    watchdog_s: float | None = None

    @property
    def vectors(self) -> bool:
        """Whether the motion is what the source's encoder noted."""
        return self.motion is not None and self.motion.method == "vectors"

    def fetch(self, picture: Picture) -> None:
        """Ask a picture for all that will be wanted of it.

        Raises:
            SourceError: it cannot be had.
        """
        picture.rgb(self.height, self.width, self.scaling)
        if self.motion is not None:
            (picture.vectors if self.vectors else picture.rgb)(*self.motion.looked_at)

    def to_json(self) -> bytes:
        """Return the order as it crosses to another process, which believes it."""
        return json.dumps(asdict(self) | {"settings": self.settings.model_dump()}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what `to_json` wrote."""
        fields = json.loads(text)
        kinds = {"settings": SourceSettings, "scaling": Scaling, "motion": MotionSpec}
        return cls(**fields | {name: kind(**fields[name]) for name, kind in kinds.items() if fields[name] is not None})


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
