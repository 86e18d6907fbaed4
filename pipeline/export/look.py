"""What is exported of a stream: one consistent look at its timeline, and what its times count from."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.control.wish import kind_of
from pipeline.errors import NotThere
from pipeline.timeline import reads
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.pages import place_of
from pipeline.timeline.reads import Span
from pipeline.timeline.records import StreamInfo
from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, Segment, Timeline

_LIVE = ("rtsp", "rtsps", "device")


@dataclass(frozen=True, slots=True)
class Look:
    """A stream as it was at one moment.

    Attributes:
        timeline: what was asked of it; its segments and gaps are of one moment.
        begins_s: timeline seconds at which watching began; those of the first frame, of a recording.
        since: timeline seconds from which on was asked; -inf where from the beginning.
    """

    info: StreamInfo
    timeline: Timeline
    begins_s: float
    since: float

    @property
    def watched_s(self) -> float:
        """Timeline seconds up to which the stream was watched then."""
        return self.begins_s + self.timeline.duration

    @property
    def live(self) -> bool:
        """There is no recording that its times could count from."""
        return is_live(self.info)

    @property
    def zero_s(self) -> float:
        """Timeline seconds that a player takes for zero: a recording's first frame; where we ask, of a live stream."""
        return max(self.begins_s, self.since) if self.live else self.begins_s

    @property
    def recording(self) -> Path | None:
        """The file that the stream was read from, where it was one."""
        return Path(self.info.source).absolute() if kind_of(self.info.source) == "file" else None

    @property
    def items(self) -> list[Segment | Gap]:
        """Segments and gaps in one order."""
        return sorted((*self.timeline.segments, *self.timeline.gaps), key=place_of)

    def end_s(self, item: Segment | Gap) -> float:
        """Timeline seconds at which a segment or gap ends; where it is still open, up to where it was watched."""
        return max(item.start, self.watched_s) if item.end is None else item.end


def look(
    store: TimelineStore,
    info: StreamInfo,
    span: Span | None = None,
    labels: Collection[str] | None = None,
    min_score: float | None = None,
) -> Look:
    """Return what overlaps `span` of a stream: all gaps, and segments of some labels, or of all.

    Raises:
        NotThere: the stream is gone.
        UsageError: part of it is in an archive that is not known.
        ArchiveError: the archived part cannot be read.
    """
    span = span or Span()
    found = reads.at_least(store.timeline(info.name, span.since, span.until), min_score)
    if labels is not None:
        found = replace(found, segments=tuple(one for one in found.segments if one.label in labels))
    return Look(info, found, begins_s(store, info.name), span.since)


def info_of(store: TimelineStore, stream: str) -> StreamInfo:
    """Return what is known of a stream, or raise `NotThere`."""
    for info in store.streams():
        if info.name == stream:
            return info
    raise NotThere(f"there is no stream {stream!r}; longtake streams ls shows them")


def begins_s(store: TimelineStore, stream: str) -> float:
    """Return the timeline seconds at which watching began; 0 where nothing is watched yet."""
    with store.border():
        begun = store.client.hget(StreamKeys(stream).meta, "from")
    return float(begun or 0)


def is_live(info: StreamInfo) -> bool:
    """Tell whether the stream was watched as it happened, so that no recording belongs to it."""
    return bool(info.clock) or kind_of(info.source) in _LIVE
