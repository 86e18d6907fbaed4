"""Backfill: what a recording shows is written into the gaps of a stream, faster than real time.

The recording runs through a lane of its own, with fresh memory and without the stream's lease. Only what lies inside
final gaps is kept; live segments and the live memory are not touched.
"""

import hashlib
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from pipeline import synthetic
from pipeline.clock import SystemClock
from pipeline.errors import LongtakeError, StoreError, UsageError, redact
from pipeline.flow import FlowSettings, Serving
from pipeline.gap_parts import LEAST_S, Interval, covered, parts_of, pieces_of
from pipeline.hooks import Hooks
from pipeline.lane import Lane
from pipeline.lane_queue import LaneContext, LaneQueue
from pipeline.models.card import ModelCard
from pipeline.reader import Reader, ReadSettings
from pipeline.segment.row import Phase, unpack
from pipeline.segment.rules import Rules
from pipeline.segment.segmenter import Segmenter
from pipeline.source import open_source
from pipeline.source.names import scheme_of
from pipeline.timeline import moves
from pipeline.timeline.records import FinalGaps
from pipeline.timeline.store import TimelineStore
from pipeline.values import Checkpoint, Clip, Commit, Segment

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded while nobody watched.

    Attributes:
        stream: whose gaps it fills.
        uri: where it is; it must have an end.
        start_s: timeline seconds of its first frame.
    """

    stream: str
    uri: str = field(repr=False)
    start_s: float


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill did.

    Attributes:
        open_gaps: gaps that had unfilled time before it; with none, the recording was not looked at.
        filled_gaps: gaps of which some or all was filled.
        filled_s: how many seconds of them.
        segments: how many were added.
        unsettled: gaps left alone because a live segment that has only begun may turn out to reach across them.
    """

    open_gaps: int = 0
    filled_gaps: int = 0
    filled_s: float = 0.0
    segments: int = 0
    unsettled: int = 0


@dataclass(slots=True)
class Answers:
    """What the lane of a recording says: where it has an answer, and its segments. It is where that lane commits."""

    spans: list[Interval] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)

    def commit(self, commit: Commit) -> str:
        """Keep what a commit adds; spans that touch become one."""
        for scores in commit.scores:
            if self.spans and scores.start_s - self.spans[-1][1] < LEAST_S:
                self.spans[-1] = (self.spans[-1][0], scores.end_s)
            else:
                self.spans.append((scores.start_s, scores.end_s))
        self.segments += commit.closed
        return "ok"


def backfill(recording: Recording, serving: Serving, store: TimelineStore, settings: FlowSettings) -> Backfilled:
    """Fill the gaps of a stream from a recording; doing it again changes nothing.

    Each gap is filled in one step, so what was done stays done if this ends half-way, and doing it again goes on.

    Raises:
        UsageError: no such stream, or a source without an end.
        SourceError, ModelError: the recording or the model cannot be read; nothing was changed.
        LongtakeError: the recording covers no gap.
        StoreError: the store failed.
    """
    found = moves.final_gaps(store, recording.stream)
    unfilled = [gap for gap in found.gaps if not gap.filled]
    if not unfilled:
        return Backfilled()
    _require_recording(recording.uri)
    end_s = recording.start_s + (_duration_s(recording.uri, settings) or math.inf)
    _require_cover(recording, end_s, found)
    last_s = max((gap.end for gap in unfilled if recording.start_s < gap.end and gap.start < end_s), default=None)
    answers = Answers() if last_s is None else watch(recording, serving, settings, last_s)
    if last_s is not None:
        _require_cover(recording, answers.spans[-1][1] if answers.spans else recording.start_s, found)
    return replace(_fill_all(recording.stream, answers, serving.card, store), open_gaps=len(unfilled))


def watch(recording: Recording, serving: Serving, settings: FlowSettings, until_s: float) -> Answers:
    """Run the recording through a lane of its own, up to where nothing before `until_s` can change any more."""
    card, clock, stop, answers = serving.card, SystemClock(), threading.Event(), Answers()
    rules = Rules.from_card(card.labels, card.segmenter)
    read = ReadSettings(source=settings.source, threads=settings.decode_threads)
    reader = Reader(recording.stream, recording.uri, card.clip, read, Hooks(), clock)
    queue = LaneQueue(LaneContext(settings.lane, Hooks(), clock))
    segmenter = Segmenter(recording.stream, card.fingerprint, rules, "backfill")
    beginning = _beginning(recording, serving)
    lane = Lane(queue, serving.pool, segmenter, answers, beginning)

    def feed() -> None:
        try:
            with closing(reader.read(beginning, stop)) as items:
                for item in items:
                    _require(not reader.live, recording.uri)
                    begins_s = item.start_s if isinstance(item, Clip) else item.start
                    if begins_s >= until_s + _settling_s(rules, card) or not queue.put(item, "wait"):
                        return
        finally:
            queue.end()

    with ThreadPoolExecutor(1, thread_name_prefix="backfill") as threads:
        reading = threads.submit(feed)
        try:
            while lane.step():
                pass
        finally:
            stop.set()
            queue.end()
        reading.result()
    lane.finish(finished=True)
    return answers


def _fill_all(stream: str, answers: Answers, card: ModelCard, store: TimelineStore) -> Backfilled:
    """Fill one gap after the other; each is read again just before, for the stream goes on meanwhile."""
    done, failed = Backfilled(), 0
    while failed < _TRIES:
        found = moves.final_gaps(store, stream)
        open_gaps = [(gap, spans) for gap in found.gaps if not gap.filled and (spans := covered(gap, answers.spans))]
        settled = [one for one in open_gaps if one[0].end <= _settled_until_s(found.checkpoint)]
        if not settled:
            return replace(done, unsettled=len(open_gaps))
        gap, spans = settled[0]
        there = store.timeline(stream, gap.start, gap.end).segments
        pieces = pieces_of(gap, answers.segments, there, lambda label: _rivals(card, label))
        epoch = moves.epoch_before(store, stream, gap.start)
        pieces = [replace(piece, id=_identity(piece, epoch), epoch=epoch) for piece in pieces]
        if not moves.fill(store, gap, parts_of(gap, spans), pieces):
            failed += 1
            continue
        filled_s = done.filled_s + sum(end - start for start, end in spans)
        done = Backfilled(0, done.filled_gaps + 1, filled_s, done.segments + len(pieces))
    raise StoreError(f"the gaps of {stream!r} changed whenever they were to be filled; do it again")


def _rivals(card: ModelCard, label: str) -> frozenset[str]:
    """The labels that may not hold beside `label`: itself, and those of its set where that is exclusive."""
    own = next(one for one in card.label_sets if label in one.labels)
    return frozenset(own.labels) if own.kind == "exclusive" else frozenset({label})


def _identity(piece: Segment, epoch: int) -> str:
    """A piece has no opening step of its own; where it begins stands for it."""
    text = f"{piece.stream}\n{piece.model}\n{piece.origin}\n{epoch}\n{piece.label}\n{piece.start!r}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _settled_until_s(checkpoint: Checkpoint | None) -> float:
    """Where the first live segment begins that nobody sees yet; it may turn out to reach across a short gap."""
    rows = unpack(checkpoint.segmenter_state) if checkpoint and checkpoint.segmenter_state else ()
    return min((row.start_s for row in rows if row.phase == Phase.PENDING), default=math.inf)


def _settling_s(rules: Rules, card: ModelCard) -> float:
    """How long after a moment an answer may still change what is said of it."""
    step_s = card.clip.stride / card.clip.fps
    return max(rule.confirm_steps * step_s + rule.min_length_s + rule.merge_gap_s for rule in rules.rules)


def _beginning(recording: Recording, serving: Serving) -> Checkpoint:
    """Fresh memory, at the recording's first frame."""
    start_s, nothing = recording.start_s, np.empty(0, np.float32)
    place = (0, -1, start_s, -1, 0.0, bytes(16), start_s, start_s)
    who = (serving.numerics, serving.card.fingerprint, redact(recording.uri))
    return Checkpoint(recording.stream, *place, nothing, b"", None, *who)


def _duration_s(uri: str, settings: FlowSettings) -> float | None:
    """The declared length, or None."""
    if scheme_of(uri) == "synthetic":
        return synthetic.parse_uri(uri)[0].duration_s
    with open_source(uri, settings.source) as source:
        _require(not source.info.live, uri)
        return source.info.duration_s


def _require_recording(uri: str) -> None:
    _require(not uri.startswith(("rtsp", "/dev/")), uri)


def _require(recorded: bool, uri: str) -> None:
    if not recorded:
        raise UsageError(f"{redact(uri)} is live; gaps are filled from a recording")


def _require_cover(recording: Recording, end_s: float, found: FinalGaps) -> None:
    """Filled gaps count too: filling them again is no mistake."""
    if any(recording.start_s < gap.end and gap.start < end_s for gap in found.gaps):
        return
    first, last = found.gaps[0].start, found.gaps[-1].end
    archived = found.archived_until_s
    older = "" if archived is None else f"; what begins before {_when(archived)} is archived and stays as it is"
    raise LongtakeError(
        f"the recording runs from {_when(recording.start_s)} to {_when(end_s)} and covers no gap of "
        f"{recording.stream!r}, which lie between {_when(first)} and {_when(last)}{older}; is --start-time right?"
    )


def _when(seconds: float) -> str:
    if not moves.WALL_CLOCK_S <= seconds < math.inf:
        return f"{seconds:g} s"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"
