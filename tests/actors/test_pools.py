"""The supervisor's care for model workers: as many as needed, on many nodes, of one mind; nobody is left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.pools import Pools
from pipeline.control.board import Board
from pipeline.control.scale import Pool, PoolSettings
from pipeline.control.settings import ServeSettings
from pipeline.timeline.store import TimelineStore
from tests.actors.fleet import FakeFleet

PRINT, OTHER = "f" * 32, "0" * 32
SETTINGS = ServeSettings(
    lease_s=5.0, start_s=60.0, pool=PoolSettings(min=1, max=3, grow_at=4, grow_s=2, shrink_at=0.6, shrink_s=10)
)
PAIR = SETTINGS.model_copy(update={"pool": PoolSettings(min=2)})


@pytest.fixture
def board(tmp_path) -> Iterator[Board]:
    with TimelineStore.open(None, tmp_path) as store:
        yield Board(store)


class World:
    """Pools over a fleet, one look a second."""

    def __init__(self, board: Board, fleet: FakeFleet, settings: ServeSettings = SETTINGS) -> None:
        self.board, self.fleet, self.settings = board, fleet, settings
        self.wished: dict[str, Path] = {PRINT: Path("model")}
        self.restart()

    def restart(self) -> None:
        """Another supervisor takes over."""
        self.pools = Pools(self.board, self.fleet, self.settings, 1)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.fleet.now_s += 1.0
            self.pools.step(self.wished, self.fleet.now_s)

    def names(self, fingerprint: str = PRINT) -> tuple[str, ...]:
        return self.board.pools().get(fingerprint, Pool("")).workers


def test_a_model_that_is_wished_for_gets_its_workers_and_the_board_names_them(board):
    world = World(board, FakeFleet())
    world.look(3)
    (name,) = world.names()
    assert name.startswith(f"model-{PRINT[:16]}-") and world.fleet.workers() == {name}
    assert board.pools()[PRINT].numerics == "p"
    world.look(100)
    assert world.names() == (name,) and world.fleet.started == [name]


def test_workers_are_spread_over_nodes(board):
    world = World(board, FakeFleet(["n1", "n2"]), PAIR)
    world.look(2)
    assert {world.fleet.node_of(name) for name in world.names()} == {"n1", "n2"}


def test_a_pool_on_one_node_spreads_when_another_joins(board):
    world = World(board, FakeFleet(), PAIR)
    world.look(3)
    world.fleet.nodes.append("n2")
    world.look(10)
    assert {world.fleet.node_of(name) for name in world.names()} == {"n1", "n2"} and len(world.names()) == 2
    assert world.fleet.workers() == set(world.names()) and len(world.fleet.started) == 3


def test_a_pool_grows_while_requests_wait_and_shrinks_in_silence(board):
    world = World(board, FakeFleet())
    world.look(2)
    for _ in range(20):
        world.fleet.busy(10)
        world.look()
    assert len(world.names()) == 3
    grown = set(world.names())
    world.fleet.quiet()
    world.look(45)
    assert len(world.names()) == 1
    assert world.fleet.workers() == set(world.names()) < grown


def test_who_leaves_a_pool_is_ended_only_when_it_has_nothing_to_do(board):
    world = World(board, FakeFleet(), PAIR)
    world.look(2)
    stay, leave = world.names()
    world.settings = SETTINGS.model_copy(update={"pool": PoolSettings(min=1)})
    world.restart()
    board.set_pool(PRINT, Pool("model", (stay,), "p"))
    for _ in range(30):
        world.fleet.busy(0)
        world.look()
    assert leave in world.fleet.workers() and world.names() == (stay,)
    world.fleet.quiet()
    world.look(4)
    assert leave in world.fleet.workers(), "not before a lease has passed"
    world.look(4)
    assert world.fleet.workers() == {stay}


def test_the_next_supervisor_finds_everything_and_ends_what_the_last_one_left(board):
    world = World(board, FakeFleet(["n1", "n2"]), PAIR)
    world.look(2)
    names = world.names()
    world.fleet.start_worker(f"model-{PRINT[:16]}-orphan", Path("model"), "n1")
    world.restart()
    world.look(20)
    assert world.names() == names and world.fleet.workers() == set(names)


def test_names_of_an_earlier_start_are_replaced_at_once(board):
    board.set_pool(PRINT, Pool("model", ("model-old-1",), "p"))
    world = World(board, FakeFleet())
    world.look(2)
    assert world.names() != ("model-old-1",) and world.fleet.workers() == set(world.names())


def test_a_worker_whose_node_cannot_be_reached_is_replaced_at_once_elsewhere(board):
    world = World(board, FakeFleet(["n1", "n2"]), PAIR)
    world.look(3)
    lost = next(name for name in world.names() if world.fleet.node_of(name) == "n1")
    world.fleet.silent.add(lost)
    world.fleet.nodes.remove("n1")
    world.look()
    assert lost not in world.names() and len(world.names()) == 2
    assert {world.fleet.node_of(name) for name in world.names()} == {"n2"}


def test_a_silent_worker_is_replaced_after_a_minute_and_not_before(board):
    world = World(board, FakeFleet())
    world.look(3)
    (mute,) = world.names()
    world.fleet.silent.add(mute)
    world.look(59)
    assert world.names() == (mute,)
    world.look(3)
    assert mute not in world.names() and mute not in world.fleet.workers()


def test_a_worker_that_computes_otherwise_is_refused(board):
    world = World(board, FakeFleet())
    world.look(2)
    world.fleet.profile = "q"
    world.settings = PAIR
    world.restart()
    world.look(3)
    odd = world.fleet.started[1]
    assert odd not in world.names() and odd not in world.fleet.workers()
    world.look(60)
    assert len(world.fleet.started) < 10, "each is tried later than the one before"
    assert board.pools()[PRINT].numerics == "p"


def test_where_nobody_of_the_old_profile_is_left_the_new_one_counts(board):
    world = World(board, FakeFleet())
    world.look(2)
    world.fleet.profile = "q"
    world.fleet.stop_worker(world.names()[0])
    world.look(10)
    assert board.pools()[PRINT].numerics == "q" and len(world.names()) == 1


def test_a_model_whose_workers_die_at_once_is_tried_less_and_less_often(board):
    world = World(board, FakeFleet(broken={"model"}))
    world.look(120)
    assert 4 <= len(world.fleet.started) <= 10


def test_a_pool_that_nobody_wishes_for_is_ended_when_it_has_been_quiet_for_a_minute(board):
    world = World(board, FakeFleet())
    world.wished[OTHER] = Path("other")
    world.look(2)
    del world.wished[OTHER]
    for _ in range(90):
        world.fleet.busy(0)
        world.look()
    assert len(world.names(OTHER)) == 1, "it is still asked"
    world.fleet.quiet()
    world.look(70)
    assert OTHER not in board.pools() and len(world.fleet.workers()) == len(world.names()) == 1
