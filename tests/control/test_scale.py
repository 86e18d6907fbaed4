"""How many workers a pool should have: within its bounds, never to and fro, more under a burst, fewer in silence."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.control.scale import Bounds, Demand, Pool, PoolSettings, Scale, rescale

QUICK = PoolSettings(min=1, max=6, grow_at=4.0, grow_s=3.0, shrink_at=0.6, shrink_s=10.0)
BOUNDS = Bounds.of(QUICK, 1)


def served(offered: float, backlog: int) -> Callable[[int], Demand]:
    """Workers that are offered so many workers' work: what they cannot do waits, up to the lanes' bound."""
    return lambda size: Demand(backlog if offered > size else 0, min(offered, size))


def sizes(demands: Iterable[Callable[[int], Demand]], start: int = 1, settings: PoolSettings = QUICK) -> list[int]:
    """The size after every second."""
    scale, bounds, found = Scale(start), Bounds.of(settings, 1), []
    for now_s, demand in enumerate(demands):
        scale = rescale(scale, demand(scale.size), bounds, settings, float(now_s))
        found.append(scale.size)
    return found


@given(st.floats(0, 10), st.integers(0, 200), st.integers(1, 6), st.floats(0.05, 0.95), st.floats(0.5, 20))
def test_a_constant_load_finds_a_size_and_stays(offered, backlog, start, shrink_at, grow_at):
    settings = QUICK.model_copy(update={"shrink_at": shrink_at, "grow_at": grow_at})
    found = sizes([served(offered, backlog)] * 400, start, settings)
    steps = [after - before for before, after in pairwise(found) if after != before]
    assert len(set(steps)) <= 1, f"one way only, never to and fro: {found}"
    assert len(set(found[100:])) == 1


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 8)), max_size=300), st.integers(0, 9))
def test_whatever_comes_the_size_stays_within_its_bounds(demands, start):
    found = sizes([lambda _, d=demand: Demand(*d) for demand in demands], start)
    assert all(BOUNDS.least <= size <= BOUNDS.most for size in found)


def test_a_burst_grows_the_pool_and_silence_shrinks_it_again():
    found = sizes([served(3.5, 40)] * 40 + [served(0.0, 0)] * 60)
    assert found[:5] == [1, 1, 1, 2, 2], "three seconds of waiting, then one more"
    assert found[39] == 4, "no more than the work takes"
    assert found[-1] == 1 and found[49] == 4, "not before ten quiet seconds"


def test_a_short_burst_changes_nothing():
    assert set(sizes(([served(5.0, 40)] * 3 + [served(0.5, 0)]) * 20)) == {1}


def test_busy_workers_are_kept_although_nothing_waits():
    assert set(sizes([served(2.5, 40)] * 200, start=3)) == {3}


def test_while_a_worker_has_not_answered_yet_nothing_is_decided():
    scale = Scale(2)
    for now_s in range(3):
        scale = rescale(scale, Demand(100, 2.0), BOUNDS, QUICK, float(now_s))
    scale = rescale(scale, None, BOUNDS, QUICK, 3.0)
    assert scale == Scale(2), "every wait begins anew"


def test_without_a_max_a_pool_keeps_its_size():
    settings = PoolSettings(min=0, max=0, grow_s=0.0)
    assert Bounds.of(settings, 3) == Bounds(3, 3)
    assert rescale(Scale(3), Demand(1000, 3.0), Bounds(3, 3), settings, 0.0).size == 3


def test_a_size_the_settings_no_longer_allow_is_mended_at_once():
    assert rescale(Scale(9), None, BOUNDS, QUICK, 0.0).size == 6


def test_a_max_below_the_min_is_refused():
    with pytest.raises(ValidationError, match="max 2 is less than min 3"):
        PoolSettings(min=3, max=2)


def test_a_pool_is_written_and_read_again():
    pool = Pool("/models/one", ("model-a-1", "model-a-2"), "abc")
    assert Pool.from_json(pool.to_json().encode()) == pool
