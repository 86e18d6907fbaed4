"""Each entry of the event logs is told once, in its order, wherever the store is."""

from dataclasses import replace
from threading import Timer

import pytest

from pipeline.timeline.follow import AT_ONCE, Follower
from pipeline.timeline.records import Event
from pipeline.timeline.store import TimelineStore
from tests.timeline.make import LABELS, claim, commit, gap, segment


def committed(store: TimelineStore, stream: str, step: int) -> None:
    """A commit of `stream` whose one event is a gap at the step's own second."""
    lease = store.claim(stream, "file.mp4", "model-1", LABELS)
    one = commit(first=step, gaps=(replace(gap(step, step + 0.5), stream=stream),))
    store.commit(lease, replace(one, stream=stream, checkpoint=replace(one.checkpoint, stream=stream)))


def seconds(news: list[tuple[str, Event]]) -> list[tuple[str, float]]:
    return [(stream, event.value.start) for stream, event in news]


def all_of(follower: Follower) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    while news := follower.poll(0.05):
        found += seconds(news)
    return found


def test_it_tells_what_comes_after_it_was_made_of_every_stream(store: TimelineStore) -> None:
    committed(store, "a", 0)
    committed(store, "b", 0)
    follower = Follower(store, store.names)
    for step in (1, 2):
        committed(store, "a", step)
        committed(store, "b", step)
    assert sorted(all_of(follower)) == [("a", 1.0), ("a", 2.0), ("b", 1.0), ("b", 2.0)]
    assert follower.poll(0.01) == []


def test_it_waits_for_news_and_returns_with_them(store: TimelineStore) -> None:
    claim(store)
    follower = Follower(store, store.names)
    later = Timer(0.05, committed, (store, "cam1", 0))
    later.start()
    news: list[tuple[str, float]] = []
    while not news:
        news = seconds(follower.poll(2.0))
    later.join()
    assert news == [("cam1", 0.0)]


def test_another_one_goes_on_at_its_positions(store: TimelineStore) -> None:
    first = Follower(store, store.names)
    committed(store, "a", 0)
    assert all_of(first) == [("a", 0.0)]
    committed(store, "a", 1)
    committed(store, "b", 0)
    assert sorted(all_of(Follower(store, store.names, dict(first.positions) | {"b": "0-0"}))) == [
        ("a", 1.0),
        ("b", 0.0),
    ]


def test_a_stream_that_appears_later_is_told_from_its_beginning(store: TimelineStore) -> None:
    follower = Follower(store, store.names)
    assert follower.poll(0.01) == []
    committed(store, "new", 0)
    committed(store, "new", 1)
    assert all_of(follower) == [("new", 0.0), ("new", 1.0)]


def test_streams_that_nobody_names_are_left_alone(store: TimelineStore) -> None:
    names = ["a"]
    follower = Follower(store, lambda: names)
    committed(store, "a", 0)
    committed(store, "b", 0)
    assert all_of(follower) == [("a", 0.0)]


def test_a_backlog_comes_in_order_and_whole(store: TimelineStore) -> None:
    lease = claim(store)
    many = tuple(gap(second, second + 0.5) for second in range(2 * AT_ONCE + 3))
    store.commit(lease, commit(gaps=many, opened=(segment(),), still_open=(segment(),)))
    told = Follower(store, store.names, {"cam1": "0-0"})
    assert [start for _, start in all_of(told)] == [0.0, *(one.start for one in many)]


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
def test_without_streams_it_waits_all_the_same(store: TimelineStore) -> None:
    assert Follower(store, store.names).poll(0.01) == []
