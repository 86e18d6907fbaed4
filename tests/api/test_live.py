"""`/api/live`: what is committed is told at once, once, to those who may know; who comes back has missed nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx
import pytest

from longtake.api import hub as hubs
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.timeline.records import Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Commit, Segment
from tests.timeline.make import LABELS, commit, gap, segment

_NUMBERS = count(1)


@dataclass
class Told:
    """One server-sent event."""

    event: str
    data: dict[str, Any]
    id: str = ""

    def __str__(self) -> str:
        told = [self.data[name] for name in ("change", "label", "start_time") if name in self.data]
        return " ".join(map(str, [self.event, *told]))


class Listening:
    """A connection that is read event by event; comments and `retry` are passed over."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.ready = self.next("ready")

    def next(self, *kinds: str) -> Told:
        """The next event of one of these kinds."""
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif fields.get("event") in kinds:
                return Told(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            else:
                fields = {}
        raise AssertionError("the answer ended")

    def committed(self, number: int) -> list[Told]:
        """The next events that stand in a log."""
        found: list[Told] = []
        while len(found) < number:
            one = self.next("segment", "gap")
            found += [one] if one.data.get("change") != "updated" else []
        return found

    def ended(self) -> bool:
        return all(True for _ in self._lines)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("live")) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(store: TimelineStore) -> Iterator[str]:
    with serving(Backend(store, ApiSettings(port=0))) as served:
        yield served


Listen = Callable[..., AbstractContextManager[Listening]]


@pytest.fixture(scope="module")
def listen(url: str) -> Iterator[Listen]:
    with httpx.Client(base_url=url, timeout=12) as client:

        @contextmanager
        def connection(last_id: str = "", **asked: object) -> Iterator[Listening]:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            with client.stream("GET", "/api/live", params=asked, headers=headers) as answer:  # type: ignore[arg-type]
                assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
                yield Listening(answer)

        yield connection


class Stream:
    """A stream of the test's own, committed to step by step."""

    def __init__(self, store: TimelineStore, name: str) -> None:
        self.name = name
        self._store = store
        self._lease: Lease = store.claim(name, "file.mp4", "model-1", LABELS)
        self._step = 0

    def commit(self, **what: Any) -> None:
        mine = {key: tuple(replace(one, stream=self.name) for one in several) for key, several in what.items()}
        one = commit(first=self._step, **mine)
        self._store.commit(self._lease, self._of(one))
        self._step += 1

    def _of(self, one: Commit) -> Commit:
        scores = tuple(replace(score, stream=self.name) for score in one.scores)
        return replace(one, stream=self.name, scores=scores, checkpoint=replace(one.checkpoint, stream=self.name))

    def gaps(self, *starts: float) -> None:
        for start in starts:
            self.commit(gaps=(gap(start, start + 0.5),))

    def fail(self, error: str) -> None:
        self._store.set_state(self._lease, "failed", error)


@pytest.fixture
def stream(store: TimelineStore) -> Iterator[Stream]:
    made = Stream(store, f"cam-{next(_NUMBERS)}")
    yield made
    if made.name in store.names():
        store.remove(made.name)


def test_commits_are_told_in_their_order_as_the_timeline_shows_them(listen: Listen, stream: Stream) -> None:
    with listen(stream=stream.name) as told:
        assert told.ready.data == {"resumed": False} and told.ready.id
        stream.commit(opened=(segment("s1", 1.0),), still_open=(segment("s1", 1.0),))
        stream.commit(closed=(segment("s1", 1.0, 2.5),), gaps=(gap(3.0, 4.0),))
        assert [str(one) for one in told.committed(3)] == [
            "segment opened walk 1.0",
            "segment closed walk 1.0",
            "gap 3.0",
        ]


def test_a_segment_is_told_whole(listen: Listen, stream: Stream) -> None:
    with listen(stream=stream.name) as told:
        stream.commit(closed=(segment("s1", 1.0, 2.5),))
        assert told.committed(1)[0].data == {
            **{"change": "closed", "kind": "segment", "id": "s1", "stream": stream.name, "label": "walk"},
            **{"start_time": 1.0, "end_time": 2.5, "score": 0.5, "peak": 0.75},
            **{"model": "model-1", "origin": "live", "epoch": 0},
        }


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_who_comes_back_is_told_what_it_missed_and_no_more(listen: Listen, stream: Stream, seen: int) -> None:
    with listen(stream=stream.name) as told:
        stream.gaps(1, 2, 3)
        last = told.committed(seen)[-1]
    stream.gaps(4, 5)
    with listen(last.id, stream=stream.name) as told:
        assert told.ready.data == {"resumed": True}
        stream.gaps(6)
        assert [one.data["start_time"] for one in told.committed(6 - seen)] == list(range(seen + 1, 7))


def test_who_comes_back_with_nonsense_or_after_too_much_begins_anew(
    listen: Listen, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listen("nonsense", stream=stream.name) as told:
        assert told.ready.data == {"resumed": False}
        stream.gaps(1, 2, 3, 4, 5)
        first, *_ = told.committed(5)
    monkeypatch.setattr(hubs, "MOST_MISSED", 3)
    with listen(first.id, stream=stream.name) as late:
        assert late.ready.data == {"resumed": False} and late.ready.id


def test_only_what_was_asked_for_is_told(listen: Listen, store: TimelineStore, stream: Stream) -> None:
    other = Stream(store, "other")
    with listen(stream="cam-*, nobody*", label="fall") as told:
        other.gaps(1)
        stream.commit(closed=(segment("w", 1.0, 2.0), segment("f", 1.0, 2.0, label="fall")), gaps=(gap(3, 4),))
        assert [str(one) for one in told.committed(2)] == ["segment closed fall 1.0", "gap 3.0"]
    store.remove("other")


def test_a_stream_that_is_added_later_is_told_of_too(listen: Listen, store: TimelineStore) -> None:
    with listen(stream="later-*") as told:
        added = Stream(store, "later-1")
        added.gaps(1, 2)
        assert [str(one) for one in told.committed(2)] == ["gap 1.0", "gap 2.0"]
    store.remove("later-1")


def test_an_open_segment_is_told_again_as_it_grows(listen: Listen, stream: Stream) -> None:
    def grown(score: float) -> Segment:
        return replace(segment("s1", 1.0), score=score, peak=0.9)

    with listen(stream=stream.name) as told:
        stream.commit(opened=(grown(0.5),), still_open=(grown(0.5),))
        score = 0.5
        while (one := told.next("segment")).data["change"] != "updated":
            pass
        while one.data["score"] == 0.5:
            score = min(0.9, score + 0.1)
            stream.commit(still_open=(grown(score),))
            one = told.next("segment")
        assert one.data["change"] == "updated" and one.data["end_time"] is None and not one.id


def test_states_and_removals_are_told(listen: Listen, store: TimelineStore, stream: Stream) -> None:
    with listen(stream=stream.name) as told:
        told.next("stream")
        stream.fail("no such camera")
        document = told.next("stream").data
        while document["state"] != "failed":
            document = told.next("stream").data
        assert (document["name"], document["change"], document["error"]) == (stream.name, "changed", "no such camera")
        store.remove(stream.name)
        while (last := told.next("stream").data)["change"] != "removed":
            pass
        assert last == {"change": "removed", "name": stream.name}


def test_labels_and_streams_that_nobody_knows_are_refused(url: str, stream: Stream) -> None:
    answer = httpx.get(f"{url}/api/live", params={"label": "wlak"})
    assert answer.status_code == 404 and "walk" in answer.json()["detail"]
    assert httpx.get(f"{url}/api/live", params={"stream": "nope"}).status_code == 404
    assert httpx.get(f"{url}/api/live", params={"labels": "walk"}).status_code == 422


def test_when_the_server_ends_so_do_its_live_answers(store: TimelineStore, stream: Stream) -> None:
    with serving(Backend(store, ApiSettings(port=0))) as served:
        client = httpx.stream("GET", f"{served}/api/live", timeout=20)
        told = Listening(client.__enter__())
    assert told.ended()
    client.__exit__(None, None, None)
