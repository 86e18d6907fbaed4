"""The outbox in a real Redis: what waits, what is dead, how far was read, and who may write it."""

from pathlib import Path

import pytest

from pipeline.alerts.outbox import AlertOutbox, Counts, Place
from pipeline.alerts.rules import Memory
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import letter
from tests.timeline.servers import Cluster

HERE = "me"


@pytest.fixture
def outbox(store: TimelineStore) -> AlertOutbox:
    made = AlertOutbox(store, waiting=3, dead=2)
    assert made.lead(HERE, 60)
    return made


def put(outbox: AlertOutbox, *numbers: int, target: str = "desk") -> None:
    assert outbox.put(HERE, {}, [(target, letter(number)) for number in numbers]) is not None


def waiting(outbox: AlertOutbox, target: str = "desk") -> list[str]:
    return [entry.letter.id for entry in outbox.waiting(target, 100)]


def test_what_waits_comes_back_in_its_order(outbox):
    put(outbox, 1)
    put(outbox, 2, 3)
    assert [entry.letter for entry in outbox.waiting("desk", 2)] == [letter(1), letter(2)]
    outbox.delivered("desk", outbox.waiting("desk", 1)[0])
    assert waiting(outbox) == ["id2", "id3"]
    assert outbox.counts("desk") == Counts(waiting=2, delivered=1)


def test_where_too_many_wait_the_oldest_are_dropped_and_counted(outbox):
    put(outbox, 1, 2)
    put(outbox, 7, target="house")
    dropped = outbox.put(HERE, {}, [("desk", letter(number)) for number in (3, 4, 5)])
    assert dropped == {"desk": 2} and waiting(outbox) == ["id3", "id4", "id5"]
    assert outbox.counts("desk") == Counts(waiting=3, dropped=2)
    assert waiting(outbox, "house") == ["id7"]


def test_nothing_is_written_where_another_one_leads(outbox):
    assert not outbox.lead("another", 60)
    outbox.resign("another")
    assert outbox.put("another", {"cam1": Place("5-0")}, [("desk", letter())], "9-0") is None
    assert (outbox.places(), outbox.mark(), waiting(outbox)) == ({}, None, [])
    outbox.resign(HERE)
    assert outbox.lead("another", 60) and outbox.put(HERE, {}) is None


def test_the_right_ends_by_itself(outbox, store):
    outbox.lead(HERE, 0.001)
    while store.client.exists("lt:alerts:{alerts}:leader"):
        pass
    assert outbox.lead("another", 60)


def test_places_come_back_whole_and_can_be_forgotten(outbox):
    memory = Memory(frozenset({("walks", "s1"), ("falls", "s1")}), {"walks": 12.5})
    places = {"cam1": Place("5-1", memory=memory), "cam2": Place("6-0", begun=False)}
    outbox.put(HERE, places, mark="7-0")
    assert (outbox.places(), outbox.mark()) == (places, "7-0")
    outbox.forget(["cam1"])
    assert (outbox.places(), outbox.mark()) == ({"cam2": Place("6-0", begun=False)}, "7-0")


def test_the_dead_are_kept_with_their_reason_and_wait_again_when_told_to(outbox):
    put(outbox, 1, 2, 3)
    entries = outbox.waiting("desk", 3)
    outbox.bury("desk", entries[:2], "it answered 400 at http://me:hidden@desk/")
    outbox.bury("desk", entries[:1], "twice")
    assert waiting(outbox) == ["id3"]
    assert [(one.letter.id, one.reason) for one in outbox.dead("desk", 9)] == [
        ("id2", "it answered 400 at http://***@desk/"),
        ("id1", "it answered 400 at http://***@desk/"),
    ]
    assert outbox.counts("desk") == Counts(waiting=1, dead=2, died=2)
    assert outbox.revive("desk") == 2 and outbox.revive("desk") == 0
    assert waiting(outbox) == ["id3", "id1", "id2"]


def test_the_oldest_of_too_many_dead_are_dropped_and_counted(outbox):
    put(outbox, 1, 2, 3)
    outbox.bury("desk", outbox.waiting("desk", 3), "no")
    assert [one.letter.id for one in outbox.dead("desk", 9)] == ["id3", "id2"]
    assert outbox.counts("desk") == Counts(dead=2, died=3, dropped=1)


@pytest.mark.slow
def test_all_of_it_lies_in_one_slot_of_a_cluster(tmp_path: Path):
    cluster = Cluster(tmp_path)
    try:
        with TimelineStore.open(cluster.url, tmp_path) as store:
            outbox = AlertOutbox(store, waiting=3, dead=2)
            assert outbox.lead(HERE, 60) and outbox.now() > "1"
            assert outbox.put(HERE, {"cam1": Place("5-1")}, [("desk", letter(1)), ("house", letter(2))], "7-0") == {}
            outbox.bury("desk", outbox.waiting("desk", 1), "no")
            assert outbox.revive("desk") == 1
            assert (waiting(outbox), waiting(outbox, "house")) == (["id1"], ["id2"])
    finally:
        cluster.kill()
