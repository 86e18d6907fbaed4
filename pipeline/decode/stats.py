"""What is counted while decoding goes on."""

from dataclasses import dataclass, field

MAX_ERRORS = 8  # sentences kept; the rest is only counted


@dataclass(slots=True)
class StampStats:
    """The time stamps as the source gave them, before the media clock.

    Attributes:
        first_s: the first frame's, in seconds on the source's own axis; None where it has none.
        missing, repeated, backward: frames whose stamp is absent, equal to, or before the previous one.
        shortest_s, longest_s: least and greatest step forward.
    """

    first_s: float | None = None
    missing: int = 0
    repeated: int = 0
    backward: int = 0
    shortest_s: float | None = None
    longest_s: float | None = None
    _last_s: float | None = None

    def see(self, pts_s: float | None) -> None:
        """Take the next frame's stamp."""
        if pts_s is None:
            self.missing += 1
            return
        if self._last_s is None:
            self.first_s = pts_s
        else:
            self._step(pts_s - self._last_s)
        self._last_s = pts_s

    def _step(self, step_s: float) -> None:
        if step_s > 0:
            self.shortest_s = step_s if self.shortest_s is None else min(self.shortest_s, step_s)
            self.longest_s = step_s if self.longest_s is None else max(self.longest_s, step_s)
        elif step_s == 0:
            self.repeated += 1
        else:
            self.backward += 1


@dataclass(slots=True)
class DecodeStats:
    """Filled while decoding goes on.

    Attributes:
        frames_decoded: frames that left the decoder, damaged ones included.
        corrupt: how many of those are damaged.
        failed: how many packets gave an error instead of a frame.
        errors: the first sentences about what went wrong, without secrets.
        stamps: the time stamps as they came.
    """

    frames_decoded: int = 0
    corrupt: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    stamps: StampStats = field(default_factory=StampStats)

    def note(self, sentence: str) -> None:
        """Keep a sentence, unless there are too many already."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(sentence)
