"""Statistics against adding up every segment."""

import math
from collections import Counter

import numpy as np
import pytest

from pipeline.archive.archive import Archive
from pipeline.ask.stats import Row, parse_by, statistics
from pipeline.errors import NotThere, UsageError
from pipeline.timeline.moves import move
from pipeline.timeline.reads import Span
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment
from tests.ask.streams import more, segment, watched

HOUR_MS = 3_600_000
DAY = 86_400.0


def random_segments(seed: int, count: int) -> list[Segment]:
    """Per label segments in turn, some of them hours long, some without length; times to a tenth of a millisecond."""
    random, found = np.random.default_rng(seed), []
    for label in ("walk", "run", "fall"):
        at = DAY * 365
        for number in range(count):
            at += float(random.choice([0.0, 0.3333, 40.0, 2000.0]))
            end = at + float(random.choice([0.0, 0.0004, 12.3456, 900.0, 9000.0]))
            found.append(segment("cam1", label, round(at, 4), round(end, 4), f"{label}{number}"))
            at = end
    return found


def added_up(segments: list[Segment], since: float, until: float) -> dict[tuple[str, int], tuple[int, int]]:
    """Milliseconds and count by label and hour, in whole milliseconds of every segment."""
    held: Counter = Counter()
    begun: Counter = Counter()
    since_ms = -(10**18) if since == -math.inf else round(since * 1000)
    until_ms = 10**18 if until == math.inf else round(until * 1000)
    for one in segments:
        if one.end is None:
            continue
        start_ms, end_ms = round(one.start * 1000), round(one.end * 1000)
        if since_ms <= start_ms < until_ms:
            begun[one.label, start_ms // HOUR_MS] += 1
        at = max(start_ms, since_ms)
        while at < min(end_ms, until_ms):
            edge = min(end_ms, until_ms, (at // HOUR_MS + 1) * HOUR_MS)
            held[one.label, at // HOUR_MS] += edge - at
            at = edge
    return {key: (held[key], begun[key]) for key in held | begun}


def by_label_and_hour(rows: tuple[Row, ...]) -> dict[tuple[str, int], tuple[int, int]]:
    return {(row.label, row.hour // 3600): (round(row.seconds * 1000), row.count) for row in rows}


@pytest.mark.parametrize("archived", [False, True])
def test_every_range_is_what_adding_up_its_segments_gives(tmp_path, archived):
    segments, random = random_segments(3, 25), np.random.default_rng(4)
    with TimelineStore.open(None, tmp_path) as store:
        watched(store, "cam1", segments, from_s=365 * DAY, until_s=max(one.end for one in segments))
        if archived:
            assert move(store, Archive(str(tmp_path / "archive")), older_than_s=0).segments > 60
        hours = [365 * DAY + 3600 * number for number in (0, 1, 2, 5)]
        times = [one.start for one in segments[::17]] + [one.end for one in segments[::19]]
        edges = [-math.inf, math.inf, *hours, *times, *random.uniform(365 * DAY, 368 * DAY, 10)]
        asked = [sorted(map(float, random.choice(edges, 2, replace=False))) for _ in range(8 if archived else 40)]
        for since, until in [(-math.inf, math.inf), (hours[0], hours[2]), *asked]:
            if since < until:
                rows = statistics(store, ["cam1"], ("label", "hour"), Span(since, until))
                assert by_label_and_hour(rows) == added_up(segments, since, until), (since, until)


def test_rows_are_told_apart_by_what_was_asked_and_by_nothing_else(store):
    watched(store, "b", [segment("b", "run", 3590.0, 3620.0), segment("b", "fall", 10.0, 11.5)], until_s=4000)
    watched(store, "a", [segment("a", "run", 0.0, 1.0)])
    both = ["a", "b"]
    assert statistics(store, both, ()) == (Row(None, None, None, 32.5, 3),)
    assert statistics(store, both, ("stream",)) == (Row("a", None, None, 1.0, 1), Row("b", None, None, 31.5, 2))
    assert statistics(store, both, ("label",)) == (Row(None, "fall", None, 1.5, 1), Row(None, "run", None, 31.0, 2))
    assert statistics(store, both, ("hour",), labels=["run"]) == (
        Row(None, None, 0, 11.0, 2),
        Row(None, None, 3600, 20.0, 0),
    )


def test_what_is_open_counts_when_it_has_ended(store):
    lease = watched(store, "cam1", [segment("cam1", "run", 5.0, None, "r")], until_s=10.0)
    assert statistics(store, ["cam1"], (), Span(0, 30)) == ()
    more(store, lease, 1, [segment("cam1", "run", 5.0, 20.0, "r")], until_s=30.0)
    assert statistics(store, ["cam1"], (), Span(0, 30)) == (Row(None, None, None, 15.0, 1),)


def test_a_segment_that_closes_between_two_looks_is_whole_or_absent(store):
    """Its seconds in the hour that is cut and in the whole one are of one moment."""
    lease = watched(store, "cam1", [segment("cam1", "run", 1800.0, None, "r")], until_s=7300.0)

    class Closing:
        """The store, on which the segment closes after the first look at the aggregates."""

        looks = 0

        def __getattr__(self, name):
            return getattr(store, name)

        def timeline(self, *asked):
            self.looks += 1
            if self.looks == 1:
                more(store, lease, 1, [segment("cam1", "run", 1800.0, 7200.0, "r")], until_s=7400.0)
            return store.timeline(*asked)

    [row] = statistics(Closing(), ["cam1"], (), Span(1800, 7200))
    assert (row.seconds, row.count) == (5400.0, 1)


def test_what_tells_rows_apart_is_named_in_any_order():
    assert parse_by("hour, stream") == ("stream", "hour")
    assert parse_by("") == ()
    with pytest.raises(UsageError, match="told apart by day; choose among stream, label, hour"):
        parse_by("label,day")


def test_a_stream_that_is_not_there_is_named(store):
    with pytest.raises(NotThere, match="there is no stream 'none'"):
        statistics(store, ["none"], ())


def test_hours_are_named_where_there_are_many_and_read_as_a_whole_where_there_are_few(store):
    """Both ways give what is there; a range of no end costs no more than what is there."""
    segments = [segment("cam1", "run", hour * 3600.0, hour * 3600.0 + 60) for hour in range(200)]
    watched(store, "cam1", segments, until_s=200 * 3600.0)
    for since, until in [(0, 3600), (36_000, 39_600), (0, 1e11), (-1e11, math.inf), (7200, 360_000)]:
        expected = [one for one in segments if since <= one.start < until]
        [row] = statistics(store, ["cam1"], (), Span(since, until))
        assert (row.seconds, row.count) == (60.0 * len(expected), len(expected))
