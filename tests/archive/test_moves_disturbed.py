"""Moves beside owners, readers and other movers: every segment is seen exactly once, wherever a mover dies."""

import threading
from collections import Counter
from dataclasses import replace

import pytest

from pipeline.archive.archive import Archive
from pipeline.archive.errors import ArchiveError
from pipeline.errors import UsageError
from pipeline.timeline.moves import Mover, fill, move
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from tests.archive.streams import ids, in_redis, mark, segments_every, write
from tests.timeline import make
from tests.timeline.servers import TcpServer


class Killed(BaseException):
    """The process is gone."""


class KilledBefore:
    """Kills who tells it a step for the n-th time (from 0) that step is told."""

    def __init__(self, step: str, number: int = 0) -> None:
        self.step, self.left = step, number

    def __call__(self, told: str) -> None:
        if told == self.step:
            self.left -= 1
            if self.left < 0:
                raise Killed


def test_a_segment_that_opens_below_the_mark_while_the_file_is_written_refuses_the_move(store, archive):
    lease = write(store, segments_every(10, 5), until_s=100.0)

    def open_one(told: str) -> None:
        if told == "commit" and mover.opens:
            mover.opens = False
            late = make.segment("late", 15.0, None, "fall")
            store.commit(lease, make.commit(0, 1, still_open=(late,), until_s=100.0))

    mover = Mover(store, archive, told=open_one)
    mover.opens = True
    assert mover.run(0.0).segments == 2
    assert mark(store) == 15.0
    assert Counter(ids(store.timeline(make.STREAM))) == Counter(["late", *(f"walk{n}" for n in range(5))])


@pytest.mark.parametrize(
    "late", [{"until_s": 90.0}, {"pending": make.gap(50.0, 100.0)}, {"segments": [make.segment("open", 50.0, None)]}]
)
def test_a_move_whose_mark_is_too_late_is_refused_by_the_store(store, archive, late):
    class Careless(Mover):
        def _choose(self, stream, cut_s):
            return replace(super()._choose(stream, cut_s), mark_s=95.0)

    write(store, late.pop("segments", []) + segments_every(10, 3, label="sit"), **{"until_s": 100.0} | late)
    expected = store.timeline(make.STREAM)
    [done] = Careless(store, archive).run(0.0).streams
    assert (done.segments, "changed whenever" in done.error) == (0, True)
    assert (store.timeline(make.STREAM), mark(store)) == (expected, None)


def test_a_gap_that_is_filled_while_the_file_is_written_is_moved_as_it_is_then(store, archive):
    gap = make.gap(10.0, 20.0)
    write(store, [make.segment("a", 1.0, 2.0)], [gap], until_s=100.0)
    parts = [replace(gap, end=15.0, filled=True), replace(gap, start=15.0)]

    def fill_it(told: str) -> None:
        if told == "commit":
            fill(store, gap, parts, [])

    moved = Mover(store, archive, told=fill_it).run(0.0)
    assert (moved.segments, moved.gaps, in_redis(store)) == (1, 2, 0)
    assert store.timeline(make.STREAM).gaps == tuple(parts)


def test_a_segment_that_closes_with_a_start_below_the_mark_is_seen_and_moved_by_the_next_pass(store, archive):
    lease = write(store, segments_every(10, 5), until_s=100.0)
    move(store, archive, 0.0)
    late = make.segment("late", 15.0, 120.0, "fall")
    store.commit(lease, make.commit(0, 1, closed=(late,), until_s=120.0))
    expected = store.timeline(make.STREAM)
    assert late in expected.segments
    assert move(store, archive, 0.0).segments == 1
    assert (in_redis(store), store.timeline(make.STREAM)) == (0, expected)


@pytest.mark.parametrize(
    "killed",
    [(step, number) for step in ("choose", "write", "commit", "committed", "put", "publish") for number in range(3)],
)
def test_a_mover_killed_before_any_step_changes_no_answer_and_the_next_one_goes_on(store, place, killed):
    segments, gaps = segments_every(30_000, 8), [make.gap(n * 30_000 + 16_000, n * 30_000 + 17_000) for n in range(7)]
    write(store, segments, gaps, until_s=1e6)
    expected = store.timeline(make.STREAM)
    kill = KilledBefore(*killed)
    mover = Mover(store, Archive(place, kill), told=kill)
    mover.BATCH = 4
    with pytest.raises(Killed):
        mover.run(0.0)
    assert store.timeline(make.STREAM) == expected
    assert store.timeline(make.STREAM, 20_000, 100_000, "walk") == replace(
        expected, segments=expected.segments[1:4], gaps=expected.gaps[1:3]
    )
    move(store, Archive(place), 0.0)
    assert (in_redis(store), store.timeline(make.STREAM)) == (0, expected)


def test_two_movers_at_once_move_everything_once(store, archive, place):
    write(store, segments_every(10, 20), until_s=1e6)
    expected = store.timeline(make.STREAM)
    others = []

    def other_first(told: str) -> None:
        if told == "commit" and not others:
            others.append(move(store, Archive(place), 0.0))

    mine = Mover(store, archive, told=other_first).run(0.0)
    assert (mine.streams, others[0].segments) == ((), 20)
    assert store.timeline(make.STREAM) == expected


def test_readers_see_every_segment_once_while_owner_and_movers_work(store, tmp_path, place):
    lease, total = make.claim(store), 120
    store.commit(lease, make.commit(0, 0, until_s=0.8))
    committed, ended = 0, threading.Event()
    faults: list[str] = []

    def read() -> None:
        with TimelineStore.open(None, tmp_path, StoreSettings(archive=place)) as mine:
            while not ended.is_set() and not faults:
                least = committed
                seen = Counter(ids(mine.timeline(make.STREAM)))
                missing = [n for n in range(least) if f"s{n}" not in seen]
                doubled = [one for one, times in seen.items() if times > 1]
                if missing or doubled:
                    faults.append(f"missing {missing}, doubled {doubled}")

    def move_on() -> None:
        with TimelineStore.open(None, tmp_path) as mine:
            while not ended.is_set():
                move(mine, Archive(place), 0.0)

    threads = [threading.Thread(target=task) for task in (read, read, move_on, move_on)]
    for thread in threads:
        thread.start()
    try:
        for number in range(total):
            closed = make.segment(f"s{number}", number * 500.0, number * 500.0 + 400)
            store.commit(lease, make.commit(0, number + 1, closed=(closed,), until_s=number * 500.0 + 450))
            committed = number + 1
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert faults == []
    move(store, Archive(place), 0.0)
    assert in_redis(store) == 0
    assert ids(store.timeline(make.STREAM)) == [f"s{n}" for n in range(total)]


def test_a_stream_that_is_removed_while_it_is_read_is_gone_not_damaged(store, archive, monkeypatch):
    write(store, segments_every(10, 5))
    move(store, archive, 0.0)
    read = Archive.timeline

    def too_late(*arguments):
        store.remove(make.STREAM)
        return read(*arguments)

    monkeypatch.setattr(Archive, "timeline", too_late)
    with pytest.raises(UsageError, match="there is no stream"):
        store.timeline(make.STREAM)


def test_an_archived_file_that_is_lost_is_an_error_not_a_shorter_answer(store, archive, tmp_path):
    write(store, segments_every(10, 5))
    move(store, archive, 0.0)
    [file] = (tmp_path / "archive").rglob("*.parquet")
    file.unlink()
    with pytest.raises(ArchiveError, match="is not in"):
        store.timeline(make.STREAM)


def test_a_place_that_cannot_be_written_leaves_every_stream_as_it_was(store, tmp_path):
    write(store, segments_every(10, 5))
    expected = store.timeline(make.STREAM)
    (tmp_path / "file").write_text("")
    [done] = move(store, Archive(str(tmp_path / "file")), 0.0).streams
    assert "cannot be" in done.error
    assert store.timeline(make.STREAM) == expected


def test_a_full_server_can_be_relieved(tmp_path, place):
    server = TcpServer(tmp_path)
    try:
        with TimelineStore.open(server.url, tmp_path, StoreSettings(archive=place)) as store:
            write(store, segments_every(10, 50), until_s=1e6)
            expected = store.timeline(make.STREAM)
            server.client().config_set("maxmemory", "1")
            assert move(store, Archive(place), 0.0).segments == 50
            assert store.timeline(make.STREAM) == expected
    finally:
        server.kill()


def test_a_node_of_a_cluster_takes_moves_and_fillings(tmp_path, place):
    server = TcpServer(tmp_path, "--cluster-enabled", "yes")
    try:
        server.own_all_slots()
        with TimelineStore.open(server.url, tmp_path, StoreSettings(archive=place)) as store:
            gap = make.gap(10.0, 20.0)
            write(store, segments_every(30, 3), [gap], until_s=1e3)
            assert fill(store, gap, [replace(gap, filled=True)], [make.segment("in", 12.0, 15.0, "sit")])
            expected = store.timeline(make.STREAM)
            assert move(store, Archive(place), 0.0).segments == 4
            assert (in_redis(store), store.timeline(make.STREAM)) == (0, expected)
    finally:
        server.kill()
