"""One segment, by its id."""

from pipeline.errors import NotThere
from pipeline.timeline.codec import unpack_segment
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment


def segment_of(store: TimelineStore, stream: str, id: str) -> Segment:
    """Return a segment of a stream, open, closed or archived.

    Raises:
        NotThere: no such stream, or it has no such segment.
        UsageError: it may be in an archive that is not known.
        ArchiveError: the archived part cannot be read.
    """
    keys = StreamKeys(stream)
    with store.border():
        # The open ones first: a segment that closes between the two looks is then found by the second.
        packed = store.client.hget(keys.open, id) or store.client.hget(keys.segments, id)
    if packed is not None:
        return unpack_segment(packed, stream)
    for segment in store.timeline(stream).segments:
        if segment.id == id:
            return segment
    raise NotThere(f"stream {stream!r} has no segment {id!r}; longtake timeline {stream} --format csv names them")
