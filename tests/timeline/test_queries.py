"""Range queries and aggregates against the plain way of computing them."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.timeline.writes import hours_of
from pipeline.values import Segment
from tests.timeline import make
from tests.timeline.servers import TcpServer


@pytest.fixture
def store(tcp_server: TcpServer, tmp_path: Path):
    tcp_server.client().flushall()
    with TimelineStore.open(tcp_server.url, tmp_path) as opened:
        yield opened


def random_segments(seed: int, count: int) -> list[Segment]:
    """Per label segments that touch or leave space but never overlap; the last one of a label may be open."""
    random = np.random.default_rng(seed)
    found = []
    for label in sorted(make.LABELS):
        edges = np.cumsum(random.choice([0.0, 0.5, 1.0, 3.0, 40.0], 2 * count)) + random.uniform(-5, 5)
        pairs = [(start, end) for start, end in edges.reshape(-1, 2) if end > start]
        for number, (start, end) in enumerate(pairs):
            score = float(random.uniform())
            found.append(make.segment(f"{label}{number}", float(start), float(end), label, score))
        if random.uniform() < 0.7:
            found.append(make.segment(f"{label}-open", float(edges[-1]), None, label))
    return found


def write(store: TimelineStore, lease: Lease, segments: list[Segment]) -> None:
    still_open = tuple(segment for segment in segments if segment.end is None)
    closed = tuple(segment for segment in segments if segment.end is not None)
    gaps = tuple(make.gap(n * 10.0, n * 10.0 + 4) for n in range(20))
    store.commit(lease, make.commit(0, 0, closed=closed, still_open=still_open, gaps=gaps))


@pytest.mark.parametrize("seed", range(8))
def test_what_overlaps_a_range_is_what_looking_at_every_segment_finds(store, seed):
    segments, random = random_segments(seed, 12), np.random.default_rng(seed)
    write(store, make.claim(store), segments)
    edges = [
        -math.inf,
        math.inf,
        *random.uniform(-10, 150, 20),
        *(s.start for s in segments),
        *(s.end or 0 for s in segments),
    ]
    for _ in range(60):
        since, until = sorted(random.choice(edges, 2))
        if since == until:
            continue
        label = random.choice([None, *sorted(make.LABELS)])
        least = random.choice([None, 0.5])
        expected = [
            one
            for one in sorted(segments, key=lambda one: (one.start, one.label, one.id))
            if one.start < until and (one.end is None or one.end > since)
            if label in (None, one.label) and one.score >= (least or 0)
        ]
        found = store.timeline(make.STREAM, float(since), float(until), label, least)
        assert list(found.segments) == expected
        assert [gap.start for gap in found.gaps] == [
            n * 10.0 for n in range(20) if n * 10 < until and n * 10 + 4 > since
        ]


def test_a_range_touching_an_edge_takes_the_start_but_not_the_end(store):
    write(store, make.claim(store), [make.segment("a", 10.0, 20.0)])
    spans = [
        ((20.0, 30.0), 0),
        ((19.99, 30.0), 1),
        ((0.0, 10.0), 0),
        ((0.0, 10.01), 1),
        ((10.0, 20.0), 1),
        ((14, 15), 1),
    ]
    assert [len(store.timeline(make.STREAM, *span).segments) for span, _ in spans] == [found for _, found in spans]


def work_of_a_small_query(store: TimelineStore, server: TcpServer, count: int) -> tuple[Counter, int]:
    """Return the commands and the bytes that one query near the end of `count` segments costs the server."""
    server.client().flushall()
    segments = [make.segment(f"{n:08}", 2.0 * n, 2.0 * n + 1) for n in range(count)]
    store.commit(make.claim(store), make.commit(0, 0, closed=tuple(segments)))
    since = 2.0 * (count - 50)
    store.timeline(make.STREAM, since, since + 20)
    admin = server.client()
    admin.config_resetstat()
    assert len(store.timeline(make.STREAM, since, since + 20).segments) == 10
    calls = {name: one["calls"] for name, one in admin.info("commandstats").items() if "config" not in name}
    return Counter(calls), store._client.info("stats")["total_net_output_bytes"]


def test_a_query_costs_the_server_what_it_finds_not_what_there_is(store, tcp_server):
    few_calls, few_bytes = work_of_a_small_query(store, tcp_server, 100)
    many_calls, many_bytes = work_of_a_small_query(store, tcp_server, 10_000)
    assert many_calls == few_calls
    assert abs(many_bytes - few_bytes) < 200


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, 10.0, [(0, 10_000)]),
        (3599.0, 3601.5, [(0, 1000), (1, 1500)]),
        (3600.0, 7200.0, [(1, 3_600_000)]),
        (3599.9996, 3600.0004, [(1, 0)]),
        (7000.0, 15000.0, [(1, 200_000), (2, 3_600_000), (3, 3_600_000), (4, 600_000)]),
        (-1.0, 1.0, [(-1, 1000), (0, 1000)]),
        (1.8e9 + 0.25, 1.8e9 + 0.75, [(500_000, 500)]),
    ],
)
def test_a_segment_is_split_over_the_hours_it_covers(start, end, expected):
    assert list(hours_of(make.segment("a", start, end))) == expected


def test_aggregates_are_the_sums_over_the_closed_segments(store):
    lease, random = make.claim(store), np.random.default_rng(5)
    edges = np.cumsum(random.exponential(900, 200))
    for step, (start, end) in enumerate(edges.reshape(-1, 2)):
        closed = make.segment(f"s{step}", float(start), float(end), str(random.choice(sorted(make.LABELS))))
        growing = make.segment("open", float(end))
        store.commit(lease, make.commit(0, step, closed=(closed,), still_open=(growing,)))
    seconds, counts = Counter(), Counter()
    for one in store.timeline(make.STREAM).segments:
        if one.end is not None:
            counts[one.label, math.floor(one.start / 3600)] += 1
            for hour in range(math.floor(one.start / 3600), math.floor(one.end / 3600) + 1):
                seconds[one.label, hour] += max(0.0, min(one.end, hour * 3600 + 3600) - max(one.start, hour * 3600))
    found = store.aggregates(make.STREAM)
    assert {(one.label, one.hour): one.count for one in found if one.count} == counts
    for one in found:
        assert one.seconds == pytest.approx(seconds[one.label, one.hour], abs=0.1)
    assert sum(one.seconds for one in found) == pytest.approx(sum(seconds.values()), abs=0.1)


def test_a_reader_never_sees_half_a_commit(store, tcp_server, tmp_path):
    lease = make.claim(store)

    def write() -> None:
        for step in range(300):
            store.commit(lease, make.busy_commit(step))

    with TimelineStore.open(tcp_server.url, tmp_path) as reader, ThreadPoolExecutor(1) as pool:
        writing, seen = pool.submit(write), set()
        while not (writing.done() and 300 in seen):
            timeline = reader.timeline(make.STREAM)
            steps = round(timeline.duration / make.STEP_S)
            assert [one.id for one in timeline.segments] == [f"s{number}" for number in range((steps + 9) // 10)]
            assert [one.end is None for one in timeline.segments[-1:]] == [True] * bool(steps)
            assert len(timeline.gaps) == len(range(3, steps, 7))
            seen.add(steps)
    writing.result()
    assert len(seen) > 5


def test_a_reader_whose_labels_are_out_of_date_asks_again(store, monkeypatch):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, closed=(make.segment("a", 0.0, 1.0, "walk"),)))
    known = [frozenset({"fall", "sit"}), make.LABELS]
    monkeypatch.setattr("pipeline.timeline.reads.labels_of", lambda client, stream: known.pop(0))
    assert [one.id for one in store.timeline(make.STREAM).segments] == ["a"]
    assert known == []


def test_a_timeline_without_a_match_keeps_stream_model_and_duration(store):
    write(store, make.claim(store), [make.segment("a", 10.0, 20.0)])
    whole, part = store.timeline(make.STREAM), store.timeline(make.STREAM, 500.0, 600.0)
    assert part == replace(whole, segments=(), gaps=())
