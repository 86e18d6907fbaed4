"""Every key name of the store.

All keys of a stream carry its name as hash tag: it lives in one Redis Cluster slot, and one script can write all of it.
Fields of the `meta` hash: owner source model state error updated epoch step digest from until pending.
"""

PREFIX = "lt"
SCHEMA_VERSION = 1
SCHEMA = f"{PREFIX}:schema"
STREAMS = f"{PREFIX}:streams"
META_PATTERN = f"{PREFIX}:{{*}}:meta"


class StreamKeys:
    """The keys of one stream.

    Attributes:
        meta: hash, what the stream is and where its last commit stands.
        labels: set of the labels its models know.
        checkpoint: string, the packed `Checkpoint`.
        open: hash id → packed segment, replaced by every commit.
        segments: hash id → packed closed segment.
        gaps, scores: sorted sets by start, members are packed values.
        milliseconds, counts: hashes `hour:label` → total over closed segments.
        events: Redis stream of what happened, in the order of the commits.
    """

    def __init__(self, stream: str) -> None:
        assert stream and not set(stream) & set("{}"), f"a stream name must not be empty or hold braces: {stream!r}"
        self._base = f"{PREFIX}:{{{stream}}}"
        self.meta = f"{self._base}:meta"
        self.labels = f"{self._base}:labels"
        self.checkpoint = f"{self._base}:checkpoint"
        self.open = f"{self._base}:open"
        self.segments = f"{self._base}:segments"
        self.gaps = f"{self._base}:gaps"
        self.scores = f"{self._base}:scores"
        self.milliseconds = f"{self._base}:milliseconds"
        self.counts = f"{self._base}:counts"
        self.events = f"{self._base}:events"

    def by_start(self, label: str) -> str:
        """Return the sorted set of the label's closed segments: id by start."""
        return f"{self._base}:by_start:{label}"

    def timeline(self, labels: frozenset[str]) -> list[str]:
        """Return the keys a fresh start deletes: all but what the stream is and its event log."""
        indexes = [self.by_start(label) for label in sorted(labels)]
        answers = [self.open, self.segments, self.gaps, self.scores, self.milliseconds, self.counts]
        return [self.checkpoint, *answers, *indexes]

    def everything(self, labels: frozenset[str]) -> list[str]:
        """Return all keys of the stream."""
        return [self.meta, self.labels, self.events, *self.timeline(labels)]


def stream_of(meta_key: str) -> str:
    """Return the stream a `meta` key belongs to."""
    return meta_key.partition("{")[2].partition("}")[0]
