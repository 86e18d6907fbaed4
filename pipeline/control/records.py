"""What the board tells: hosts, leases, assignments, outcomes, and all of it at one look."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from pipeline.control.wish import Wish

RunEnd: TypeAlias = Literal["ended", "failed", "released"]


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A host's last sign of life.

    Attributes:
        node: where it runs.
        streams: what it has in hand, starting and stopping runs included: generation by stream.
        ready: it takes streams; False while it is starting.
        pid: its process, 0 while it is starting.
        let_in, overflowed: clips of live streams since the last sign, and how many of them the model was too slow for.
    """

    name: str
    node: str
    streams: Mapping[str, int] = field(default_factory=dict)
    ready: bool = True
    pid: int = 0
    let_in: int = 0
    overflowed: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> "HostInfo":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Hold:
    """The right of a host to run a stream, for as long as it is renewed and the token is that of the stream's owner."""

    stream: str
    host: str
    token: str = field(repr=False)
    generation: int

    def to_json(self) -> str:
        return json.dumps([self.host, self.generation, self.token])


@dataclass(frozen=True, slots=True)
class Held:
    """Who runs a stream now, and which version of its wish."""

    host: str
    generation: int


@dataclass(frozen=True, slots=True)
class Assigned:
    """Whom the supervisor told to run a stream, and when (seconds of the store's clock)."""

    host: str
    generation: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, as its host tells it.

    Attributes:
        token: of the run as the stream's owner; empty if it never became that.
        final: a failure that only another wish can mend.
        jitter: between 0 and 1, the part of the longest wait after which a failed stream is tried again.
    """

    stream: str
    host: str
    generation: int
    state: RunEnd
    token: str = field(default="", repr=False)
    error: str = ""
    final: bool = False
    jitter: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last run of a stream ended that was not told to.

    Attributes:
        count: failures in a row.
        at_s: when, in seconds of the store's clock.
    """

    state: Literal["ended", "failed"]
    generation: int
    count: int
    at_s: float
    jitter: float
    error: str
    final: bool


@dataclass(frozen=True, slots=True)
class View:
    """The board at one look, and the nodes on which hosts may be started."""

    now_s: float
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    hosts: Mapping[str, HostInfo] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    assigned: Mapping[str, Assigned] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
