"""Every key name of the store.

All keys of a stream carry its name as hash tag: it lives in one Redis Cluster slot, and one script can write all of it.
Fields of the `meta` hash: owner source model state error updated epoch step digest from until pending clock, and of the
parts that were moved: archived_until archived archive.
"""

PREFIX = "lt"
SCHEMA_VERSION = 1
SCHEMA = f"{PREFIX}:schema"
STREAMS = f"{PREFIX}:streams"
META_PATTERN = f"{PREFIX}:{{*}}:meta"

WISHES = f"{PREFIX}:wishes"
"""Set of the streams that are wished for; rebuilt from `WISH_PATTERN` if lost."""
WISH_PATTERN = f"{PREFIX}:{{*}}:wish"
HOSTS = f"{PREFIX}:hosts"
"""Set of the hosts that may be alive; every beat adds its host again, so a lost one is whole within a second."""
SUPERVISOR = f"{PREFIX}:supervisor"
"""String with a time to live: the token of the supervisor that acts."""
POKES = f"{PREFIX}:pokes"
"""List that wakes the supervisor."""
SHARE = f"{PREFIX}:share"
"""String: the share of clips that live streams let in."""
RULES = f"{PREFIX}:rules"
"""String: what `longtake serve` allows, for who adds streams from elsewhere."""

POOLS = f"{PREFIX}:pools"
"""Hash: the model workers that serve each model, by its fingerprint; written by the supervisor, made anew if lost."""

TOKENS = f"{PREFIX}:tokens"
"""Hash: who may ask over HTTP, by the token's name; digests, no secrets."""


def host_key(name: str) -> str:
    """Return the key of a host's last sign of life: a string with a time to live."""
    return f"{PREFIX}:host:{name}"


def session_key(digest: str) -> str:
    """Return the key of a page's session, by the digest of its secret: a string with a time to live."""
    return f"{PREFIX}:session:{digest}"


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
        archive: sorted set of the archived files that count, by the second at which what they hold ends.
        wish: hash, what somebody wants of the stream; it and the next three belong to `pipeline.control`.
        assigned: hash, the host the supervisor chose.
        hold: string with a time to live, the lease of the host that runs the stream.
        outcome: hash, how the last run ended and how often in a row it failed.
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
        self.archive = f"{self._base}:archive"
        self.wish = f"{self._base}:wish"
        self.assigned = f"{self._base}:assigned"
        self.hold = f"{self._base}:hold"
        self.outcome = f"{self._base}:outcome"

    def by_start(self, label: str) -> str:
        """Return the sorted set of the label's closed segments: id by start."""
        return f"{self._base}:by_start:{label}"

    def timeline(self, labels: frozenset[str]) -> list[str]:
        """Return the keys a fresh start deletes: all but what the stream is and its event log."""
        indexes = [self.by_start(label) for label in sorted(labels)]
        answers = [self.open, self.segments, self.gaps, self.archive, self.scores, self.milliseconds, self.counts]
        return [self.checkpoint, *answers, *indexes]

    def everything(self, labels: frozenset[str]) -> list[str]:
        """Return all keys of the stream's timeline; what is wished of the stream is not part of it."""
        return [self.meta, self.labels, self.events, *self.timeline(labels)]


def stream_of(key: str) -> str:
    """Return the stream a key belongs to."""
    return key.partition("{")[2].partition("}")[0]


class AlertKeys:
    """The keys of what is told to whom; one hash tag, so that one script can write all of it.

    Attributes:
        leader: string with a time to live, the token of the process that watches and delivers.
        places: hash, by stream how far its event log was read and what the rules remember; by the empty name the entry
            id at which the log of a stream without a place is to be read from.
        counts: hash `what:target` → how many.
    """

    def __init__(self) -> None:
        self._base = f"{PREFIX}:alerts:{{alerts}}"
        self.leader = f"{self._base}:leader"
        self.places = f"{self._base}:places"
        self.counts = f"{self._base}:counts"

    def waiting(self, target: str) -> str:
        """Return the Redis stream of what is to be delivered to a target, oldest first."""
        return f"{self._base}:waiting:{target}"

    def dead(self, target: str) -> str:
        """Return the Redis stream of what could not be delivered to a target."""
        return f"{self._base}:dead:{target}"
