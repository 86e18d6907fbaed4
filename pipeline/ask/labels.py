"""Which labels streams know."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.errors import NotThere
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.pages import matching
from pipeline.timeline.store import TimelineStore


def labels_of(store: TimelineStore, streams: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the labels that each stream knows, seen or not; none for a stream that is not there."""
    with store.border(), store.client.pipeline(transaction=False) as pipe:
        for stream in streams:
            pipe.smembers(StreamKeys(stream).labels)
        answers = pipe.execute()
    known = (frozenset(label.decode() for label in labels) for labels in answers)
    return dict(zip(streams, known, strict=True))


def check_labels(labels: Iterable[str], known: Mapping[str, frozenset[str]]) -> None:
    """Make sure that each label is known to some stream.

    Raises:
        NotThere: one is not; the message tells the nearest.
    """
    choices = sorted(frozenset().union(*known.values()))
    for label in labels:
        if label not in choices:
            matching(choices, [label], "label")
            raise NotThere(f"there is no label {label!r}; a label is written out here, not as a pattern")
