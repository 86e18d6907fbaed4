"""The way of a clip through a lane: when it passed what. Knows no tracing library; `actors.spans` is one listener."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Way:
    """When a clip passed what, in seconds of its lane's steady clock, in this order; 0 where it has not yet.

    Attributes:
        read_s: the reader was rid of the item before it, and went for this one.
        cut_s: it was cut.
        queued_s: the lane queue let it in.
        asked_s: the model was asked about it.
        answered_s: its scores were there, and its turn had come.
        segmented_s: they had become segments.
        commit_s, committed_s: the store was given them, and had them.
        trace: who is told of it at the end; None where nobody traces this clip.
    """

    read_s: float
    cut_s: float
    queued_s: float
    asked_s: float
    answered_s: float = 0.0
    segmented_s: float = 0.0
    commit_s: float = 0.0
    committed_s: float = 0.0
    trace: "Trace | None" = None


class Trace(Protocol):
    """One clip's trace, begun when the model is asked."""

    context: str
    """The W3C `traceparent` under which a model worker tells what it does for the clip."""

    def end(self, way: Way) -> None:
        """The clip is committed. A clip whose commit fails has no trace."""
