"""What the supervisor tells Prometheus: streams by what they are at, hosts, losses, pools."""

import math

from prometheus_client import REGISTRY

from actors.supervisor_metrics import STATES, hide_look, hide_pool, show_look, show_pool
from pipeline.control.plan import Lose
from pipeline.control.records import Assigned, Ending, Held, HostInfo, Outcome, View
from pipeline.control.wish import Wish


def outcome(state: str, final: bool = False, generation: int = 1) -> Outcome:
    return Outcome(state, generation, 1, 0.0, 1.0, "", final)  # type: ignore[arg-type]


def test_every_wish_is_counted_once_by_what_it_is_at():
    wishes = {name: Wish(name, "film.mp4", generation=1) for name in "abcdefg"}
    wishes["f"] = Wish("f", "film.mp4", paused=True, generation=1)
    view = View(
        now_s=0.0,
        wishes=wishes,
        hosts={"h": HostInfo("h", "n"), "i": HostInfo("i", "n", ready=False)},
        held={"a": Held("h", 1)},
        assigned={"b": Assigned("h", 1, 0.0)},
        outcomes={
            "c": outcome("failed"),
            "d": outcome("failed", final=True),
            "e": outcome("ended"),
            "g": outcome("ended", generation=0),
        },
    )
    before = REGISTRY.get_sample_value("longtake_stream_losses_total") or 0.0
    show_look(view, [Lose(Ending("c", "h", 1, "failed"))], 0.25)
    counted = {state: REGISTRY.get_sample_value("longtake_streams", {"state": state}) for state in STATES}
    assert counted == {"running": 1, "starting": 2, "backing_off": 1, "failed": 1, "ended": 1, "paused": 1}
    assert REGISTRY.get_sample_value("longtake_hosts", {"state": "ready"}) == 1
    assert REGISTRY.get_sample_value("longtake_hosts", {"state": "starting"}) == 1
    assert REGISTRY.get_sample_value("longtake_stream_losses_total") == before + 1


def test_a_pool_is_shown_by_its_models_name():
    show_pool("small", 3, 12)
    assert REGISTRY.get_sample_value("longtake_pool_workers", {"model": "small"}) == 3
    assert REGISTRY.get_sample_value("longtake_pool_waiting", {"model": "small"}) == 12


def test_a_pool_that_was_ended_is_shown_no_longer():
    show_pool("large", 1, 0)
    show_pool("tiny", 1, 0)
    hide_pool("large")
    assert math.isnan(REGISTRY.get_sample_value("longtake_pool_workers", {"model": "large"}))
    assert math.isnan(REGISTRY.get_sample_value("longtake_pool_waiting", {"model": "large"}))
    assert REGISTRY.get_sample_value("longtake_pool_workers", {"model": "tiny"}) == 1


def test_a_supervisor_that_leads_no_longer_shows_nothing_of_what_it_saw():
    view = View(now_s=0.0, wishes={}, hosts={}, held={}, assigned={}, outcomes={})
    show_look(view, [], 0.1)
    show_pool("small", 3, 12)
    hide_look()
    assert math.isnan(REGISTRY.get_sample_value("longtake_streams", {"state": "running"}))
    assert math.isnan(REGISTRY.get_sample_value("longtake_pool_workers", {"model": "small"}))
    show_look(view, [], 0.1)
    assert REGISTRY.get_sample_value("longtake_streams", {"state": "running"}) == 0
