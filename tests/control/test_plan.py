"""What the supervisor decides: known answers, and worlds full of accidents that always come to rest."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.control.plan import Assign, Change, Lose, Release, StartHost, StopHost, due_s, plan
from pipeline.control.records import Assigned, Held, HostInfo, Outcome, View
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from tests.control.world import World

SETTINGS = ServeSettings(streams_per_host=2)
NOW_S = 1000.0


def wishes(*names: str, **fields) -> dict[str, Wish]:
    return {name: Wish(name, "a.mp4", generation=1, **fields) for name in names}


def host(name: str, *streams: str, generation: int = 1, node: str = "n", ready: bool = True) -> dict[str, HostInfo]:
    return {name: HostInfo(name, node, dict.fromkeys(streams, generation), ready)}


def held(by: str, *streams: str) -> dict[str, Held]:
    return {stream: Held(by, 1) for stream in streams}


def failed(count: int = 1, ago_s: float = 0.0, generation: int = 1, final: bool = False, state: str = "failed"):
    return Outcome(state, generation, count, NOW_S - ago_s, 1.0, "", final)


def planned(view: dict, **settings) -> list:
    found = View(NOW_S, nodes=view.pop("nodes", ("n",)), **view)
    return plan(found, SETTINGS.model_copy(update=settings), NOW_S, random.Random(0))


def test_nothing_is_done_for_nothing():
    assert planned({}) == []


def test_the_first_stream_starts_a_host():
    assert planned({"wishes": wishes("a")}) == [StartHost("n")]


def test_a_host_that_is_starting_is_waited_for():
    assert planned({"wishes": wishes("a"), "hosts": host("h", ready=False)}) == []


def test_only_some_hosts_start_at_once():
    actions = planned({"wishes": wishes(*"abcdefghijkl")}, streams_per_host=1, starts_at_once=3)
    assert actions == [StartHost("n")] * 3


def test_streams_go_to_the_host_with_the_least():
    view = {
        "wishes": wishes("a", "b", "c"),
        "hosts": host("g") | host("h", "a"),
        "held": held("h", "a"),
    }
    assert planned(view) == [Assign("b", "g"), Assign("c", "g")]


def test_a_full_host_gets_no_more():
    view = {"wishes": wishes("a", "b", "c"), "hosts": host("h", "a", "b"), "held": held("h", "a", "b")}
    assert planned(view) == [StartHost("n")]


def test_every_node_gets_hosts():
    assert planned({"wishes": wishes("a", "b"), "nodes": ("n", "m")}) == [StartHost("m"), StartHost("n")]


def test_an_idle_host_beyond_need_is_stopped():
    view = {"wishes": wishes("a"), "hosts": host("g") | host("h", "a"), "held": held("h", "a")}
    assert planned(view) == [StopHost("g")]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({}, "not wished for"),
        (wishes("a", paused=True), "paused"),
    ],
)
def test_what_is_not_wanted_is_released(wish, why):
    view = {"wishes": wish, "hosts": host("h", "a"), "held": held("h", "a")}
    (release, *_) = planned(view)
    assert isinstance(release, Release) and (release.stream, release.host) == ("a", "h") and why in release.why


def test_a_host_is_told_of_a_wish_that_has_changed():
    view = {"wishes": {"a": Wish("a", "a.mp4", generation=2)}, "hosts": host("h", "a"), "held": held("h", "a")}
    assert planned(view) == [Change("a", "h")]


def test_a_stream_two_hosts_have_in_hand_is_left_to_the_one_that_holds_it():
    view = {"wishes": wishes("a"), "hosts": host("g", "a") | host("h", "a"), "held": held("h", "a")}
    assert planned(view) == [Release("a", "g", "another host runs it")]


def test_a_stream_is_not_placed_while_its_last_host_still_stops_it():
    assert planned({"wishes": wishes("a"), "hosts": host("h", "a")}) == []


def test_a_stream_whose_host_is_gone_is_lost_and_backed_off():
    view = {"wishes": wishes("a"), "hosts": host("h"), "assigned": {"a": Assigned("gone", 1, NOW_S - 1)}}
    (lose,) = planned(view)
    assert isinstance(lose, Lose) and lose.ending.host == "gone" and 0.5 <= lose.ending.jitter <= 1


@pytest.mark.parametrize(("ago_s", "lost"), [(9, False), (11, True)])
def test_a_host_has_some_time_to_take_a_stream(ago_s, lost):
    view = {"wishes": wishes("a"), "hosts": host("h"), "assigned": {"a": Assigned("h", 1, NOW_S - ago_s)}}
    assert [type(action) for action in planned(view)] == ([Lose] if lost else [])


def test_a_host_that_loads_a_model_has_all_the_time_it_needs():
    view = {"wishes": wishes("a"), "hosts": host("h", "a"), "assigned": {"a": Assigned("h", 1, NOW_S - 100)}}
    assert planned(view) == []


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (failed(count=1, ago_s=0.9), False),
        (failed(count=1, ago_s=1.1), True),
        (failed(count=4, ago_s=7.9), False),
        (failed(count=4, ago_s=8.1), True),
        (failed(count=1000, ago_s=29.9), False),
        (failed(count=1000, ago_s=30.1), True),
        (failed(final=True, ago_s=1e6), False),
        (failed(final=True, generation=0), True),
        (failed(state="ended", ago_s=1e6), False),
        (failed(state="ended", generation=0), True),
    ],
)
def test_what_is_over_stays_over_and_what_failed_waits_its_back_off(outcome, again):
    view = {"wishes": wishes("a"), "hosts": host("h"), "outcomes": {"a": outcome}}
    assert (Assign("a", "h") in planned(view)) is again


def test_the_back_off_doubles_and_is_capped():
    waits = [due_s(failed(count=count), SETTINGS) - NOW_S for count in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_uneven_nodes_are_evened_a_few_streams_at_a_time():
    names = [f"s{number}" for number in range(6)]
    view = {"wishes": wishes(*names), "hosts": host("g") | host("h", *names), "held": held("h", *names)}
    actions = planned(view | {"nodes": ("n",)}, streams_per_host=6, moves_at_once=2)
    assert actions == [StopHost("g")], "one host is enough: it is not filled for evenness' sake"
    view["hosts"] = host("g", node="m") | host("h", *names)
    actions = planned(view | {"nodes": ("n", "m")}, streams_per_host=6, moves_at_once=2)
    assert [(action.stream, action.host) for action in actions] == [("s0", "h"), ("s1", "h")]


def test_the_streams_that_were_wished_for_last_are_moved_first():
    fleet = {name: Wish(name, "a.mp4", generation=number) for name, number in zip("zbac", (5, 4, 3, 2), strict=True)}
    view = {
        "wishes": fleet,
        "hosts": {"h": HostInfo("h", "n", {name: wish.generation for name, wish in fleet.items()})}
        | host("g", node="m"),
        "held": {name: Held("h", wish.generation) for name, wish in fleet.items()},
        "nodes": ("n", "m"),
    }
    moved = [action.stream for action in planned(view, moves_at_once=2) if isinstance(action, Release)]
    assert moved == ["z", "b"]


def test_hosts_of_one_node_are_not_evened():
    view = {"wishes": wishes(*"abcd"), "hosts": host("g", "d") | host("h", *"abc")}
    view["held"] = held("g", "d") | held("h", *"abc")
    assert planned(view, streams_per_host=3) == []


def test_nothing_is_moved_to_a_node_without_room():
    view = {"wishes": wishes(*"abcdefg"), "hosts": host("g", "g") | host("h", *"abcdef", node="m")}
    view |= {"held": held("g", "g") | held("h", *"abcdef"), "nodes": ("n", "m")}
    assert planned(view, streams_per_host=1, starts_at_once=0) == []


def test_nothing_is_moved_while_something_waits():
    names = [f"s{number}" for number in range(4)]
    view = {
        "wishes": wishes(*names, "new"),
        "hosts": host("g", node="m") | host("h", *names),
        "held": held("h", *names),
        "nodes": ("n", "m"),
    }
    assert planned(view, streams_per_host=8) == [Assign("new", "g")]


NAMES = st.sampled_from([f"s{number}" for number in range(14)])
NUMBERS = st.integers(0, 20)
EVENTS = st.one_of(
    st.tuples(st.just("wish"), NAMES),
    st.tuples(st.just("wish"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("pause"), NAMES),
    st.tuples(st.just("fail"), NAMES),
    st.tuples(st.just("end"), NAMES),
    st.tuples(st.just("refuse"), NAMES),
    st.tuples(st.sampled_from(["kill", "freeze", "thaw"]), NUMBERS),
    st.tuples(st.sampled_from(["join", "leave"]), NUMBERS),
    st.tuples(st.just("turns"), st.integers(1, 12)),
)


def happen(world: World, kind: str, what) -> None:
    hosts = sorted(world.hosts)
    match kind:
        case "wish":
            world.wish(what, paused=False)
        case "remove":
            world.remove(what)
        case "pause" if what in world.wishes:
            world.wish(what, paused=True)
        case "fail":
            world.over(what, "failed")
        case "end":
            world.over(what, "ended")
        case "refuse":
            world.over(what, "failed", final=True)
        case "kill" if hosts:
            world.kill(hosts[what % len(hosts)])
        case "freeze" if hosts:
            world.hosts[hosts[what % len(hosts)]].frozen = True
        case "thaw" if hosts:
            world.hosts[hosts[what % len(hosts)]].frozen = False
        case "join":
            world.nodes.append(f"new{world.started}-{len(world.nodes)}-{what}-{world.now_s:g}")
        case "leave" if len(world.nodes) > 1:
            world.drop_node(world.nodes[what % len(world.nodes)])
        case "turns":
            world.run(what)


def settled(world: World, stream: str) -> bool:
    outcome = world.outcomes.get(stream)
    current = outcome is not None and outcome.generation == world.wishes[stream].generation
    return current and (outcome.state == "ended" or outcome.final)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=40), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_whatever_happens_the_world_comes_to_rest_as_wished(events, nodes, per_host, thaw):
    world = World(nodes, streams_per_host=per_host)
    for kind, what in events:
        happen(world, kind, what)
    if thaw:
        for one in world.hosts.values():
            one.frozen = False
    world.run(160)
    wanted = {name: wish.generation for name, wish in world.wishes.items() if not wish.paused}
    expected = {name: [generation] for name, generation in wanted.items() if not settled(world, name)}
    assert world.running() == expected
    assert {name: (world.holds[name][0].generation,) for name in expected} == {
        name: (generations[0],) for name, generations in expected.items()
    }
    loads = world.loads().values()
    assert not loads or max(loads) - min(loads) <= 1
    assert all(len(one.streams) <= per_host for one in world.hosts.values() if not one.frozen)
    assert world.turn() == [], "and rests"


def test_a_host_that_dies_again_and_again_does_not_starve_the_last_stream():
    world = World(2, streams_per_host=3)
    for number in range(10):
        world.wish(f"s{number}")
    chance, last_seen = random.Random(1), {f"s{number}": 0.0 for number in range(10)}
    for turn in range(300):
        if turn % 25 == 24 and world.hosts:
            world.kill(chance.choice(sorted(world.hosts)))
        world.turn()
        for stream in world.running():
            last_seen[stream] = world.now_s
        assert min(last_seen.values()) >= world.now_s - 45, "no stream is left alone"
