"""What live clients rest on: vectors of positions, bounded queues, and an order that a late look cannot break."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.api import live
from longtake.api.hub import Hub
from longtake.api.listener import MOST_BYTES, Listener
from longtake.api.look import Look
from longtake.api.messages import HEARTBEAT, Interest, Message, told, updated
from longtake.api.positions import LATELY_MS, MOST, pack, unpack
from pipeline.timeline.records import Event
from pipeline.values import Segment
from tests.timeline.make import segment

EVERYTHING = Interest(("*",))
NOW_MS = 1_700_000_000_000

ids = st.tuples(st.integers(NOW_MS - 3 * LATELY_MS, NOW_MS), st.integers(0, 3))
places = st.dictionaries(st.integers(0, 10**6).map("cam-{}".format), ids, max_size=2 * MOST)


def text(place: tuple[int, int]) -> str:
    return f"{place[0]}-{place[1]}"


def place(text: str) -> tuple[int, int]:
    ms, _, count = text.partition("-")
    return int(ms), int(count)


@settings(max_examples=40)
@given(places)
def test_a_vector_loses_no_entry_and_tells_none_of_the_newest_twice(known: dict[str, tuple[int, int]]) -> None:
    if not known:
        assert pack({}) == ""
        return
    newest = max(known.values())
    found = unpack(pack({name: text(one) for name, one in known.items()}), [*known, "new"])
    assert found is not None
    exact = {name for name, one in known.items() if place(found[name]) == one}
    assert len(exact) >= min(MOST, sum(one[0] >= newest[0] - LATELY_MS for one in known.values())) or len(known) > MOST
    for name, one in known.items():
        # A place that is not exact lies beyond the stream's last entry, and before all that can come.
        assert name in exact or one < place(found[name]) < newest
    assert place(found["new"]) < newest


def test_a_vector_is_short() -> None:
    busy = {f"a-long-name-of-a-camera-{number}": f"{NOW_MS - number}-{number}" for number in range(1000)}
    assert len(pack(busy)) < 4096
    assert len(pack(dict.fromkeys(busy, f"{NOW_MS - 10**8}-0") | {"busy": f"{NOW_MS}-0"})) < 50


@settings(max_examples=40)
@given(st.text("abcAZ09-_=%é", max_size=20))
def test_what_is_no_vector_is_none(nonsense: str) -> None:
    assert unpack(nonsense, ["cam"]) is None


def test_a_client_that_is_behind_is_let_go_and_holds_no_memory() -> None:
    async def slow() -> None:
        listener = Listener(EVERYTHING)
        for _ in range(MOST_BYTES // 1000):
            listener.offer(bytes(1000))
        assert not listener.closed
        listener.offer(bytes(1000))
        assert listener.closed and await listener.next(1) == b"" and not listener._waiting
        listener.offer(b"more")
        assert not listener._waiting

    asyncio.run(slow())


def test_a_client_is_told_all_there_is_at_once_and_nothing_when_there_is_nothing() -> None:
    async def quick() -> None:
        listener = Listener(EVERYTHING)
        listener.offer(b"a")
        listener.offer(b"b")
        assert await listener.next(1) == b"ab"
        assert await listener.next(0.001) == b"" and not listener.closed

    asyncio.run(quick())


def test_interests_are_patterns_within_what_is_allowed() -> None:
    message = Message("dock-1", b"", "fall", "s1")
    assert EVERYTHING.wants(message) and Interest(("dock-*",), ("*",), frozenset({"fall"})).wants(message)
    assert not Interest(("ward-*",)).wants(message) and not Interest(("ward-*",), ("dock-1",)).wants(message)
    assert not Interest(("*",), ("ward-*",)).wants(message) and not Interest(("*",), (), frozenset({"walk"})).wants(
        message
    )
    assert Interest(("*",), (), frozenset({"walk"})).wants(Message("dock-1", b""))


def test_a_look_that_comes_late_opens_no_closed_segment_again(tmp_path: Any) -> None:
    def of(*events: Event) -> list[Message]:
        return list(told([("cam1", event) for event in events], {}))

    opened, closed = Event("1-0", "opened", segment()), Event("2-0", "closed", segment(end=1.0))

    async def in_this_order() -> bytes:
        hub = Hub(None, dict)  # type: ignore[arg-type]
        listener, _ = hub.join(EVERYTHING)
        hub._tell(of(opened, closed), {})
        await listener.next(1)
        hub._tell_moved([updated(segment())])
        hub._tell_moved([updated(replace(segment(), stream="cam2"))])
        late = await listener.next(1)
        hub._tell(of(opened), {})  # the stream begins anew, and sees the same again
        hub._tell_moved([updated(segment())])
        return late + await listener.next(1)

    told_late = asyncio.run(in_this_order()).decode()
    assert [line[7:] for line in told_late.splitlines() if line.startswith("event")] == ["segment"] * 3
    assert told_late.count('"stream":"cam2"') == 1 and told_late.index("cam2") < told_late.index("cam1")


class Store:
    """Only what a look asks."""

    def __init__(self) -> None:
        self.open: list[Segment] = []

    def open_segments(self, streams: Any) -> list[Segment]:
        return [one for one in self.open if one.stream in streams]


def test_a_look_tells_what_has_changed_and_what_always_moves_now_and_then() -> None:
    store, streams = Store(), dict[str, Mapping[str, Any]]()
    look = Look(store, lambda: dict(streams))  # type: ignore[arg-type]

    def step() -> list[str]:
        return [
            f"{one.stream} {one.content.decode().split('data: ')[1].strip()}"
            for one in look.step(lambda name: name != "x")
        ]

    streams |= {"a": {"state": "running", "lag": 1.0}, "x": {"state": "running"}}
    assert step() == [], "the first look only learns"
    streams["a"] = {"state": "running", "lag": 2.0}
    streams["x"] = {"state": "failed"}
    assert step() == []
    streams["a"] = {"state": "failed", "lag": 3.0}
    assert step() == ['a {"change":"changed","state":"failed","lag":3.0}']
    streams["a"] = {"state": "failed", "lag": 4.0}
    assert [step(), step()] == [[], []]
    streams["a"] = {"state": "failed", "lag": 5.0}
    assert step() == ['a {"change":"changed","state":"failed","lag":5.0}']
    del streams["a"]
    assert step() == ['a {"change":"removed","name":"a"}']


def answered(allowed: list[bool]) -> bytes:
    """Everything one client is sent, whose right to ask is looked at with each heartbeat."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def may() -> bool:
        return allowed.pop(0)

    answer = live.LiveEvents(Hub(None, dict), EVERYTHING, "", may)  # type: ignore[arg-type]
    asyncio.run(answer({}, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


def test_a_heartbeat_is_a_comment_and_a_token_that_was_removed_ends_the_answer(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.001)
    said = answered([True, True, False])
    assert said.count(HEARTBEAT) >= 2 and said.startswith(b"retry: 2000\n\n") and b'{"resumed":false}' in said
