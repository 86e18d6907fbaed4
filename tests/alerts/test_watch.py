"""Reading the event logs: every event once, over restarts and takeovers, and no history out of the blue."""

from typing import Any

import pytest

from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.outbox import AlertOutbox
from pipeline.alerts.settings import AlertSettings
from pipeline.alerts.watch import Watch
from pipeline.clock import ManualClock
from pipeline.errors import Fenced
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import Camera, segment, settings
from tests.timeline.make import STREAM


class Told(AlertHooks):
    def __init__(self) -> None:
        self.streams: list[str] = []

    def lost(self, stream: str) -> None:
        self.streams.append(stream)


class Watching:
    """Watches by the rules it is given; `found` says which segments were told of since."""

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._clock = ManualClock()
        self._given: dict[str, int] = {}
        self.outbox = AlertOutbox(store, 100, 100)
        self.hooks = Told()
        self.begin()

    def begin(self, using: AlertSettings | None = None, token: str = "me") -> None:
        assert self.outbox.lead(token, 60)
        self._watch = Watch(self._store, self.outbox, token, using or settings(), self.hooks, self._clock)

    def found(self, target: str = "desk") -> list[str]:
        self._clock.advance(Watch.REFRESH_S)
        self._watch.tick(0.001)
        self._watch.tick(0.001)
        letters = [entry.letter for entry in self.outbox.waiting(target, 100)]
        before, self._given[target] = self._given.get(target, 0), len(letters)
        return [_what(letter) for letter in letters[before:]]


def _what(letter: Any) -> str:
    return letter.body.partition('"id": "s')[2].partition('"')[0] if letter.kind == "alert" else letter.body


@pytest.fixture
def camera(store: TimelineStore) -> Camera:
    return Camera(store)


def test_what_was_before_the_first_watch_is_history(store, camera):
    camera.opens(segment("s1"))
    watching = Watching(store)
    camera.opens(segment("s2", 1.0))
    assert watching.found() == ["2"]
    assert watching.found() == []


def test_what_is_committed_while_nobody_watches_is_read_later_and_nothing_twice(store, camera):
    watching = Watching(store)
    camera.opens(segment("s1"))
    assert watching.found() == ["1"]
    camera.opens(segment("s2", 1.0))
    watching.begin()
    assert watching.found() == ["2"]


def test_a_stream_that_is_new_is_read_from_its_beginning(store):
    watching = Watching(store)
    assert watching.found() == []
    Camera(store).opens(segment("s1"))
    assert watching.found() == ["1"]


def test_so_is_one_that_began_while_nobody_watched(store):
    watching = Watching(store)
    Camera(store).opens(segment("s1"))
    watching.begin()
    assert watching.found() == ["1"]


def test_a_stream_that_no_rule_was_about_has_no_history_when_one_is(store, camera):
    watching = Watching(store)
    watching.begin(settings(rule={"streams": ["dock-*"]}))
    camera.opens(segment("s1"))
    assert watching.found() == []
    watching.begin()
    camera.opens(segment("s2", 1.0))
    assert watching.found() == ["2"]


def test_a_stream_that_was_left_out_for_a_while_is_not_told_of_afterwards(store, camera):
    watching = Watching(store)
    camera.opens(segment("s1"))
    assert watching.found() == ["1"]
    watching.begin(settings(rule={"streams": ["dock-*"]}))
    camera.opens(segment("s2", 1.0))
    assert watching.found() == []
    watching.begin()
    assert watching.found() == []


def test_rules_that_wait_for_a_length_see_open_segments_grow(store, camera):
    watching = Watching(store)
    watching.begin(settings(rule={"min_length_s": 5, "cool_down_s": 60}))
    camera.opens(segment("s1"))
    camera.goes_on(segment("s1"), until_s=4.9)
    assert watching.found() == []
    watching.begin(settings(rule={"min_length_s": 5, "cool_down_s": 60}))  # what it waits for is remembered
    camera.goes_on(segment("s1"), until_s=5.0)
    assert watching.found() == ["1"]
    camera.closes(segment("s1", end=6.0))
    camera.opens(segment("s2", 6.0))
    camera.goes_on(segment("s2", 6.0), until_s=12.0)
    assert watching.found() == [], "it cools down, which is remembered too"


def test_a_stream_that_begins_anew_is_not_waited_for(store, camera):
    watching = Watching(store)
    watching.begin(settings(rule={"min_length_s": 5}))
    camera.opens(segment("s1"))
    assert watching.found() == []
    assert watching.outbox.places()[STREAM].memory.waiting == {("walks", "s1")}
    camera.begins_anew()
    assert watching.found() == []
    assert watching.outbox.places()[STREAM].memory.waiting == frozenset()


def test_events_that_are_gone_before_they_were_read_are_told_of(store, camera):
    watching = Watching(store)
    camera.opens(segment("s1"))
    assert watching.found() == ["1"]
    watching.begin()
    assert watching.hooks.streams == []
    camera.opens(segment("s2", 1.0))
    camera.opens(segment("s3", 2.0))
    store.client.xtrim(StreamKeys(STREAM).events, maxlen=1, approximate=False)
    watching.begin()
    assert watching.hooks.streams == [STREAM]
    assert watching.found() == ["3"]


def test_who_does_not_lead_any_more_writes_nothing(store, camera):
    watching, other = Watching(store), AlertOutbox(store, 100, 100)
    other.resign("me")
    assert other.lead("another", 60)
    camera.opens(segment("s1"))
    with pytest.raises(Fenced):
        watching.found()
    assert other.waiting("desk", 9) == []
    other.resign("another")
    watching.begin()
    assert watching.found() == ["1"]


def test_sensors_are_told_when_a_label_of_their_rules_holds_and_when_not(store, camera):
    brokers = {"house": {"url": "mqtt://broker", "home_assistant": True}, "plain": {"url": "mqtt://broker"}}
    watching = Watching(store)
    watching.begin(settings(rule={"targets": ["house", "plain"], "min_length_s": 9}, mqtt=brokers))
    camera.opens(segment("s1"))
    camera.closes(segment("s1", end=2.0))
    assert watching.found("house") == ["ON", "OFF"]
    assert watching.found("plain") == []
