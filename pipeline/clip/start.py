"""Where cutting begins: at the start, or after a checkpoint."""

from dataclasses import dataclass

from pipeline.values import Checkpoint, ClipSpec


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where cutting begins; the default is the start of a stream.

    Attributes:
        epoch, step: the first step that shall come out.
        origin_s: timeline seconds of that epoch's media time zero.
        until_s: timeline seconds up to which answers and gaps exist.
        ordinal, digest: the last answered grid point and the digest of its pixels; −1 and empty for none.
    """

    epoch: int = 0
    step: int = 0
    origin_s: float = 0.0
    until_s: float = 0.0
    ordinal: int = -1
    digest: bytes = b""

    @classmethod
    def after(cls, checkpoint: Checkpoint) -> "StartPoint":
        """Return the point where the work goes on after `checkpoint`."""
        return cls(
            epoch=checkpoint.epoch,
            step=checkpoint.step + 1,
            origin_s=checkpoint.origin_s,
            until_s=checkpoint.until_s,
            ordinal=checkpoint.ordinal,
            digest=checkpoint.digest if checkpoint.ordinal >= 0 else b"",
        )

    @classmethod
    def at(cls, origin_s: float, epoch: int = 0) -> "StartPoint":
        """Return the start of an epoch whose media time zero lies at `origin_s` on the timeline."""
        return cls(epoch=epoch, origin_s=origin_s, until_s=origin_s)

    def first_ordinal(self, spec: ClipSpec) -> int:
        """Return the first grid point whose pixels are needed: clips overlap, and the last answered one is verified."""
        first = self.step * spec.stride
        return first if self.ordinal < 0 else min(first, self.ordinal)

    def media_s(self, spec: ClipSpec) -> float | None:
        """Return the media seconds where reading may begin, or None where it must begin at the start."""
        first = self.first_ordinal(spec)
        return first / spec.fps if self.epoch == 0 and first > 0 else None
