"""Copies of closed segments are what Redis holds, whatever has happened to it since they were made."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.archive.archive import Archive
from pipeline.ask import closed
from pipeline.ask.closed import Copies
from pipeline.timeline.codec import unpack_segment
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.moves import move
from pipeline.timeline.store import TimelineStore
from pipeline.timeline.writes import closed_writes
from pipeline.values import Segment
from tests.ask.streams import more, segment, watched

KEYS = StreamKeys("cam1")
COLUMNS = ("id", "epoch", "label", "start", "end", "score", "peak", "model", "origin")


class World:
    """One stream, what can happen to it, and two readers: one that stays, one that is new every time."""

    def __init__(self, store: TimelineStore, folder: Path) -> None:
        self.store, self.folder = store, folder
        store.client.flushall()
        self.begin()
        self.reader = Copies(store, folder / "cache")

    def begin(self) -> None:
        self.lease = watched(self.store, "cam1")
        self.step, self.at, self.number = 1, 0.0, 0

    def segments(self, count: int, score: float) -> list[Segment]:
        """Numbers begin anew with the stream, as the same video gives the same ids: their content may be another."""
        found = []
        for _ in range(count):
            found.append(segment("cam1", "walk", self.at, self.at + 1, f"s{self.number}", score))
            self.at, self.number = self.at + 2, self.number + 1
        return found

    def commit(self, count: int, score: float) -> None:
        more(self.store, self.lease, self.step, self.segments(count, score), self.at)
        self.step += 1

    def backfill(self, count: int, score: float) -> None:
        """Segments that come without an event."""
        for command in closed_writes(KEYS, self.segments(count, score)):
            self.store.client.execute_command(*command)

    def archive(self, *_: float) -> None:
        move(self.store, Archive(str(self.folder / "archive")), 0.0)

    def start_afresh(self, *_: float) -> None:
        self.store.reset(self.lease)
        self.step, self.at, self.number = 0, 0.0, 0

    def remove(self, *_: float) -> None:
        self.store.remove("cam1")
        self.begin()

    def shorten_the_log(self, *_: float) -> None:
        self.store.client.xtrim(KEYS.events, maxlen=1, approximate=False)

    def held(self) -> list[tuple]:
        packed = self.store.client.hvals(KEYS.segments)
        values = [unpack_segment(one, "cam1") for one in packed]
        return sorted(tuple(getattr(one, name) for name in COLUMNS) for one in values)

    def seen(self, reader: Copies) -> list[tuple]:
        _, table = reader.look()["cam1"]
        return sorted(tuple(row[name] for name in COLUMNS) for row in table.to_pylist())


HAPPENING = st.tuples(
    st.sampled_from(["commit"] * 5 + ["backfill", "archive", "start_afresh", "remove", "shorten_the_log"]),
    st.integers(0, 4),
    st.sampled_from([0.25, 0.5]),
    st.booleans(),
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HAPPENING, min_size=1, max_size=8))
def test_copies_and_what_redis_holds_are_equal_whatever_happens(shared, tmp_path_factory, happenings):
    world = World(shared, tmp_path_factory.mktemp("world"))
    for what, count, score, looks in happenings:
        getattr(world, what)(count, score)
        if looks:
            assert world.seen(world.reader) == world.held(), "by the reader that stays"
            assert world.seen(Copies(shared, world.folder / "cache")) == world.held(), "by a new one"


@pytest.fixture
def world(store, tmp_path):
    made = World(store, tmp_path)
    made.commit(100, 0.5)
    assert len(made.seen(made.reader)) == 100
    return made


def no_scan(*_):
    raise AssertionError("the stream was read again")


def test_only_what_is_new_is_read(world, monkeypatch):
    monkeypatch.setattr(closed, "scan", no_scan)
    world.commit(3, 0.5)
    assert world.seen(Copies(world.store, world.folder / "cache")) == world.held()


def test_a_stream_that_was_archived_is_read_again_once(world, monkeypatch):
    world.archive()
    world.commit(9, 0.5)
    assert world.seen(world.reader) == world.held()
    monkeypatch.setattr(closed, "scan", no_scan)
    assert world.seen(Copies(world.store, world.folder / "cache")) == world.held()


@pytest.mark.parametrize("damage", [b"", b"no arrow", None])
def test_a_damaged_file_costs_time_and_nothing_else(world, damage):
    [path] = (world.folder / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:-700] if damage is None else damage)
    assert world.seen(Copies(world.store, world.folder / "cache")) == world.held()


def test_a_folder_that_cannot_be_made_costs_time_and_nothing_else(world):
    (world.folder / "file").write_text("")
    assert world.seen(Copies(world.store, world.folder / "file" / "cache")) == world.held()


def test_files_of_streams_that_are_gone_are_deleted(world):
    world.store.remove("cam1")
    assert world.reader.look() == {}
    assert list((world.folder / "cache").iterdir()) == []


def test_a_large_stream_is_read_in_parts(store, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.ask.look._SEGMENTS", 50)
    world = World(store, tmp_path)
    for _ in range(10):
        world.commit(100, 0.5)
    assert world.seen(world.reader) == world.held()
