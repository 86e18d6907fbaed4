"""Which events are worth an alert: events in, alerts out."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.rules import NOTHING, Alert, Memory, look, step
from pipeline.alerts.settings import RuleSettings
from pipeline.timeline.records import Event
from pipeline.values import Segment
from tests.alerts.make import RULE, event, segment
from tests.timeline.make import gap

MONDAY_NOON_S = 1_767_009_600.0  # 2025-12-29T12:00:00Z


def rules(**settings: Any) -> dict[str, RuleSettings]:
    return {"walks": RuleSettings.model_validate(RULE | settings)}


def told(rules: dict[str, RuleSettings], *events: Event) -> list[tuple[str, str, float]]:
    """(kind, segment, seconds) of every alert."""
    found, memory = [], NOTHING
    for one in events:
        alerts, memory = step(rules, memory, one)
        found += [(alert.kind, alert.segment.id, alert.at_s) for alert in alerts]
    return found


def test_a_segment_that_opens_is_told_of_once():
    assert told(rules(), event(segment(), 7.5), event(segment(end=4.0), 9.0)) == [("opened", "s1", 7.5)]


def test_a_closed_one_where_the_rule_asks_for_it():
    events = event(segment(), 7.5), event(segment(end=4.0), 9.0)
    assert told(rules(when="closed"), *events) == [("closed", "s1", 9.0)]


def test_one_that_opens_and_closes_within_a_commit_is_told_of_once():
    short = segment(end=0.4)
    assert told(rules(), event(short, 1.0, "opened"), event(short, 1.0, number=1)) == [("opened", "s1", 1.0)]


def test_gaps_and_states_and_other_labels_and_streams_are_not_told_of():
    other = rules(streams=["dock-*"])
    assert told(other, event(segment())) == []
    assert told(rules(labels=["fall"]), event(segment())) == []
    assert told(rules(), Event("1-0", "gap", gap(0, 1)), Event("2-0", "state", "failed")) == []


def test_patterns_choose_streams():
    assert told(rules(streams=["dock-*", "cam?"]), event(segment(), 1.0)) == [("opened", "s1", 1.0)]


@pytest.mark.parametrize(("end", "told_of"), [(2.9, []), (3.0, [("opened", "s1", 5.0)])])
def test_one_that_must_last_is_told_of_when_it_closes_at_the_latest(end, told_of):
    assert told(rules(min_length_s=3), event(segment(), 1.0), event(segment(end=end), 5.0)) == told_of


def test_one_that_must_last_is_told_of_while_it_is_open():
    asked = rules(min_length_s=2.4)
    _, memory = step(asked, NOTHING, event(segment(), 1.0))
    alerts, memory = look(asked, memory, [segment()], until_s=1.6, at_s=2.0)
    assert alerts == []
    alerts, memory = look(asked, memory, [segment()], until_s=0.8 * 3, at_s=3.0)  # 2.4000000000000004
    assert alerts == [Alert("walks", "opened", segment(), 3.0)] and memory == NOTHING
    assert look(asked, memory, [segment()], until_s=9.0, at_s=9.0) == ([], NOTHING)
    assert step(asked, memory, event(segment(end=9.0), 10.0)) == ([], NOTHING)


def test_one_that_is_too_uncertain_is_told_of_when_it_is_not_any_more():
    asked = rules(min_score=0.6)
    _, memory = step(asked, NOTHING, event(segment(score=0.55), 1.0))
    alerts, _ = look(asked, memory, [segment(score=0.6)], until_s=1.6, at_s=2.0)
    assert [alert.segment.score for alert in alerts] == [0.6]


def test_one_that_was_open_before_anybody_watched_is_not_told_of_as_opened():
    assert look(rules(), NOTHING, [segment()], until_s=9.0, at_s=9.0) == ([], NOTHING)
    assert told(rules(), event(segment(end=4.0), 9.0)) == []


def test_a_rule_is_silent_while_it_cools_down_and_does_not_make_up_for_it():
    events = [event(segment(f"s{at}", at), at) for at in (0, 5, 9, 10, 19, 20)]
    assert [id_ for _, id_, _ in told(rules(cool_down_s=10), *events)] == ["s0", "s10", "s20"]


def test_a_rule_is_silent_outside_its_schedule_by_the_time_of_the_commit():
    events = [event(segment(f"s{hours}", hours), MONDAY_NOON_S + 3600 * hours) for hours in (0, 5, 9, 12, 24)]
    nights = rules(schedule={"after": "21:00", "before": "01:00", "days": ["mon"]})
    assert [id_ for _, id_, _ in told(nights, *events)] == ["s9", "s12"]


def test_rules_do_not_know_of_each_other():
    both = {**rules(cool_down_s=100), "ends": RuleSettings.model_validate(RULE | {"when": "closed"})}
    events = [event(segment(), 1.0), event(segment(end=3.0), 4.0), event(segment("s2", 5), 6.0)]
    assert told(both, *events) == [("opened", "s1", 1.0), ("closed", "s1", 4.0)]


def test_a_rule_that_is_gone_is_not_waited_for():
    memory = Memory(frozenset({("former", "s1")}))
    assert look(rules(), memory, [segment()], until_s=9.0, at_s=9.0) == ([], NOTHING)


LIVES = st.lists(
    st.tuples(st.floats(0.1, 9.0), st.floats(0, 1), st.integers(0, 4)), min_size=1, max_size=8
)  # length, score and looks of one segment after the other
ASKED = st.fixed_dictionaries(
    {
        "when": st.sampled_from(["opened", "closed"]),
        "min_length_s": st.sampled_from([0.0, 1.0, 4.0]),
        "min_score": st.sampled_from([0.0, 0.5]),
        "cool_down_s": st.sampled_from([0.0, 6.0]),
    }
)


@settings(max_examples=25)
@given(LIVES, ASKED)
def test_every_segment_that_is_worth_it_is_told_of_once_whenever_somebody_looks(lives, asked):
    rule = rules(**asked)
    alerts, memory, ends = _lived(rule, lives)
    worthy = {
        id_
        for id_, one in ends.items()
        if round(one.end - one.start, 3) >= asked["min_length_s"] and one.score >= asked["min_score"]
    }
    assert len({alert.segment.id for alert in alerts}) == len(alerts)
    assert {alert.segment.id for alert in alerts} <= worthy
    assert memory.waiting == frozenset()
    if not asked["cool_down_s"]:
        assert {alert.segment.id for alert in alerts} == worthy
    apart = [after.at_s - before.at_s for before, after in pairwise(alerts)]
    assert all(round(seconds, 3) >= asked["cool_down_s"] for seconds in apart)


def _lived(rule: dict[str, RuleSettings], lives: list[Any]) -> tuple[list[Alert], Memory, dict[str, Segment]]:
    alerts, memory, now_s, ends = [], NOTHING, 0.0, {}
    for number, (length_s, score, looks) in enumerate(lives):
        one = segment(f"s{number}", now_s, score=score)
        more, memory = step(rule, memory, event(one, now_s))
        alerts += more
        for at_s in (now_s + length_s * (number + 1) / (looks + 1) for number in range(looks)):
            more, memory = look(rule, memory, [one], at_s, at_s)
            alerts += more
        now_s += length_s
        ends[one.id] = segment(one.id, one.start, now_s, score)
        more, memory = step(rule, memory, event(ends[one.id], now_s))
        alerts += more
    return alerts, memory, ends
