"""How the store looks: asked now and then, and shown as away when it is."""

import pytest
from prometheus_client import REGISTRY

from actors.store_metrics import StoreWatch, timed
from pipeline.errors import StoreDown
from pipeline.timeline.records import ServerInfo

WELL = ServerInfo("7.0.15", True, 1000, 4000, "noeviction", 0.002, -1.5)


class Store:
    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    def server_info(self) -> ServerInfo:
        self.asked += 1
        if self.away:
            raise StoreDown("nobody there")
        return WELL


def shown(name: str) -> float | None:
    return REGISTRY.get_sample_value(name)


def test_what_the_store_says_is_shown_and_it_is_not_asked_all_the_time() -> None:
    store = Store()
    watch = StoreWatch(store)  # type: ignore[arg-type]
    for _ in range(3):
        watch.look()
    assert store.asked == 1
    assert (shown("longtake_store_up"), shown("longtake_store_append_only")) == (1, 1)
    assert (shown("longtake_store_used_bytes"), shown("longtake_store_limit_bytes")) == (1000, 4000)
    assert shown("longtake_clock_skew_seconds") == -1.5


def test_a_store_that_went_away_is_shown_as_that_and_asked_again_at_once() -> None:
    store = Store()
    watch = StoreWatch(store)  # type: ignore[arg-type]
    watch.look()
    watch.away()
    store.away = True
    assert shown("longtake_store_up") == 0
    with pytest.raises(StoreDown):
        watch.look()
    assert shown("longtake_store_up") == 0
    store.away = False
    watch.look()
    assert shown("longtake_store_up") == 1


def test_only_what_the_store_answered_is_timed() -> None:
    def answers() -> float:
        return REGISTRY.get_sample_value("longtake_store_seconds_count", {"operation": "beat"}) or 0.0

    before = answers()
    with timed("beat"):
        pass
    with pytest.raises(StoreDown), timed("beat"):
        raise StoreDown("nobody there")
    assert answers() == before + 1
