"""The plan of a chaos run: which faults come, and that a run which does not keep its promise is called so."""

import random

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.plan import Struck, next_kind, unmet


def planned(count: int, seed: int) -> list[Struck]:
    struck: list[Struck] = []
    chance = random.Random(seed)
    for number in range(count):
        struck.append(Struck(12.0 * number, next_kind(KINDS, struck, chance).name, "", 4.0, 5.0))
    return struck


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_comes_three_times_in_thirty_faults_and_one_overlaps_others(seed: int) -> None:
    struck = planned(30, seed)
    assert not list(unmet(KINDS, struck, 30, 3))
    assert "overlapping" in {one.kind for one in struck}


def test_an_order_depends_on_the_seed_alone() -> None:
    assert planned(30, 1) == planned(30, 1) != planned(30, 2)


def test_too_few_faults_are_told() -> None:
    told = list(unmet(KINDS, planned(19, 1), 30, 2))
    assert told[0] == "only 19 faults of 30"
    assert len(told) == 2 and told[1].startswith("only 1 times")


@pytest.mark.parametrize(("recovered_s", "told"), [(5.0, 0), (9.0, 1), (None, 1)])
def test_a_fault_that_comes_before_its_like_is_over_is_told(recovered_s: float | None, told: int) -> None:
    name = KINDS[0].name
    struck = [Struck(0.0, name, "", 4.0, recovered_s), Struck(12.0, name, "", 4.0, 1.0)]
    assert len(list(unmet(KINDS[:1], struck, 2, 2))) == told
