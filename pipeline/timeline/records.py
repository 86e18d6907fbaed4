"""What the store tells about streams, beside their timelines."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pipeline.values import Checkpoint, Gap, Segment

StreamState: TypeAlias = Literal["starting", "running", "reconnecting", "paused", "ended", "failed"]
EventKind: TypeAlias = Literal["opened", "closed", "gap", "state"]


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How the store keeps and waits.

    Attributes:
        scores_hours: scores older than this, counted back from the newest answer, are deleted.
        events_kept: about how many entries of a stream's event log are kept.
        timeout_s: how long a server may take to answer.
        archive: folder or URL of the archive that holds the older part of the timelines; None takes the one that each
            stream was moved to.
    """

    scores_hours: float = 6.0
    events_kept: int = 10_000
    timeout_s: float = 5.0
    archive: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write a stream, until somebody else claims it.

    Attributes:
        token: random; the store refuses commits under any other.
        labels: every label the stream's segments may have.
        checkpoint: where the previous owner stopped, or None on a fresh stream.
    """

    stream: str
    token: str = field(repr=False)
    labels: frozenset[str]
    checkpoint: Checkpoint | None


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream at a glance.

    Attributes:
        source: redacted URI.
        model: fingerprint of the last model.
        error: why it failed, else empty.
        since_s, until_s: timeline seconds between which it was watched; of a recording, `since_s` is where it begins.
        segments: how many, the open and the archived ones included.
        updated_s: unix seconds of the last write.
        clock: whose time a live stream goes by, `camera` or `arrival`; empty for a recording.
    """

    name: str
    source: str
    model: str
    state: StreamState
    error: str
    since_s: float
    until_s: float
    segments: int
    updated_s: float
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a stream's event log; `value` is the segment, the gap or the new state."""

    id: str
    kind: EventKind
    value: Segment | Gap | StreamState


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What the closed segments of a label add up to in one hour (number `floor(timeline seconds / 3600)`).

    Attributes:
        seconds: time the label held within the hour.
        count: segments that start in it.
    """

    label: str
    hour: int
    seconds: float
    count: int


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """How the server of the store is; of a cluster, what is worst among its masters.

    Attributes:
        version: of Redis, the oldest.
        append_only: every write is logged to disk.
        used_bytes, limit_bytes: memory in use and allowed (0: no limit), of the master that is fullest.
        policy: what it does when it is full; anything but `noeviction` loses timelines.
        ping_s: how long it took to answer.
        clock_skew_s: its clock minus this machine's, to half of `ping_s`.
    """

    version: str
    append_only: bool
    used_bytes: int
    limit_bytes: int
    policy: str
    ping_s: float
    clock_skew_s: float


@dataclass(frozen=True, slots=True)
class MovedStream:
    """What a pass did to one stream.

    Attributes:
        until_s: the highest mark of the pass, or None where nothing was moved.
        error: why it was left alone, or left before the end; else empty. The next pass goes on.
    """

    stream: str
    segments: int = 0
    gaps: int = 0
    files: int = 0
    until_s: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a pass did: the streams of which something was moved or that failed, by name."""

    streams: tuple[MovedStream, ...] = ()

    @property
    def segments(self) -> int:
        """How many segments were moved."""
        return sum(one.segments for one in self.streams)

    @property
    def gaps(self) -> int:
        """How many gaps were moved."""
        return sum(one.gaps for one in self.streams)

    @property
    def files(self) -> int:
        """How many files were written."""
        return sum(one.files for one in self.streams)


@dataclass(frozen=True, slots=True)
class FinalGaps:
    """The gaps of a stream that do not grow any more, and what is needed to fill them.

    Attributes:
        gaps: by start, those that are not archived.
        checkpoint: where the stream stands, or None.
        archived_until_s: earlier gaps are in the archive and stay as they are; None where nothing is archived.
    """

    gaps: tuple[Gap, ...]
    checkpoint: Checkpoint | None
    archived_until_s: float | None
