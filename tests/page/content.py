"""Streams with a content that a page can be looked at with: written through the store, as lanes do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from pipeline.control.board import Board
from pipeline.control.records import Ending
from pipeline.control.wish import Wish
from pipeline.timeline.records import Lease, StreamState
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Commit, Gap, GapReason, Segment, WhoseClock

CHUNK = 2000  # values a commit may bring


@dataclass
class Writer:
    """One stream, written commit by commit."""

    store: TimelineStore
    stream: str
    source: str
    labels: frozenset[str]
    step: int = -1
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.lease = self.store.claim(self.stream, self.source, "model-1", self.labels)

    def segment(self, label: str, start: float, end: float | None, score: float = 0.8) -> Segment:
        peak = min(1.0, score + 0.1)
        return Segment(f"{self.stream}-{label}-{start:.3f}", self.stream, 0, label, start, end, score, peak, "model-1")

    def gap(self, start: float, end: float, reason: GapReason) -> Gap:
        return Gap(self.stream, start, end, reason)

    def write(
        self,
        until_s: float,
        closed: Sequence[Segment] = (),
        still_open: Iterable[Segment] = (),
        gaps: Sequence[Gap] = (),
        finished: bool = False,
    ) -> None:
        """Commit it in as many steps as it takes; what is open after it is `still_open`."""
        while len(closed) > CHUNK:
            self._commit(until_s, closed[:CHUNK], (), (), False)
            closed = closed[CHUNK:]
        self._commit(until_s, closed, tuple(still_open), gaps, finished)

    def _commit(
        self, until_s: float, closed: Sequence[Segment], growing: tuple[Segment, ...], gaps: Sequence[Gap], end: bool
    ) -> None:
        self.step += 1
        state = np.zeros(8, np.float32)
        place = (0, self.step, 0.0, self.step, 0.0, bytes(16), until_s, until_s)
        after = Checkpoint(self.stream, *place, state, b"", None, "numerics", "model-1", self.source, end)
        opened = tuple(one for one in growing if one.id not in self._growing)
        self._growing = {one.id for one in growing}
        self.store.commit(
            self.lease,
            Commit(self.stream, 0, self.step, self.step, opened, growing, tuple(closed), tuple(gaps), (), after),
        )

    _growing: set[str] = field(default_factory=set)

    def state(self, state: StreamState, clock: WhoseClock | None = None, error: str = "") -> None:
        self.store.set_state(self.lease, state, error, clock)

    def hold(self, ttl_s: float = 600.0) -> None:
        """Let the board say that a host runs it, as one that is wished for."""
        board = Board(self.store)
        wish = board.put(Wish(self.stream, self.source), replace=True)
        board.keep(self.stream, "host-1", self.lease.token, wish.generation, ttl_s)

    def failed(self, error: str, times: int = 3) -> None:
        """Let the board say that its runs fail."""
        board = Board(self.store)
        wish = board.put(Wish(self.stream, self.source), replace=True)
        for _ in range(times):
            board.note(Ending(self.stream, "host-1", wish.generation, "failed", self.lease.token, error))


def activity(
    writer: Writer, rng: np.random.Generator, label: str, start: float, end: float, hold_s: float, pause_s: float
) -> list[Segment]:
    """Segments of one label in [start, end): they hold about `hold_s` seconds, and about `pause_s` pass between."""
    found, t = [], start + float(rng.exponential(pause_s))
    while t < end:
        lasts = 0.8 + float(rng.exponential(hold_s))
        found.append(writer.segment(label, round(t, 3), round(min(end, t + lasts), 3), float(rng.uniform(0.45, 0.98))))
        t += lasts + 0.8 + float(rng.exponential(pause_s))
    return [one for one in found if one.end is not None and one.end > one.start]


def film(path: Path, seconds: float, fps: int = 10) -> Path:
    """Write an H.264 recording in which a bar wanders from left to right."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": str(fps)})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(int(seconds * fps)):
            image = np.full((120, 160, 3), 40, np.uint8)
            at = int(150 * number / (seconds * fps))
            image[:, at : at + 10] = (90, 180, 250)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path
