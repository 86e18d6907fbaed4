"""Which segments have another beside them: known answers, and the plain way of looking at every pair."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ask.find import Found, Relation, apart_s, ask, related
from pipeline.errors import UsageError
from pipeline.timeline.reads import Span
from pipeline.values import Segment
from tests.ask.streams import segment, watched

KINDS = ("during", "within", "following", "followed_by")


def falls(*spans: tuple[float, float | None]) -> list[Segment]:
    return [segment("cam1", "fall", start, end) for start, end in spans]


def runs(*spans: tuple[float, float | None]) -> list[Segment]:
    return [segment("cam1", "run", start, end) for start, end in spans]


def pairs(found) -> list[tuple[float, float | None]]:
    return [(one.segment.start, one.other and one.other.start) for one in found]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (Relation("during", "run"), [(12, 10), (20, 18)]),
        (Relation("within", "run", 5), [(5, 10), (12, 10), (20, 18), (30, 18)]),
        (Relation("within", "run", 4), [(5, 10), (12, 10), (20, 18)]),
        (Relation("following", "run"), [(20, 10), (30, 18), (90, 18)]),
        (Relation("following", "run", 5), [(20, 10), (30, 18)]),
        (Relation("followed_by", "run"), [(5, 10), (12, 18)]),
        (Relation("followed_by", "run", 4), [(5, 10), (12, 18)]),
        (Relation("followed_by", "run", 3.9), [(12, 18)]),
    ],
)
def test_each_relation_finds_the_nearest_beside_each_segment(relation, expected):
    them = falls((5, 6), (12, 14.5), (20, 22), (30, 31), (90, None))
    assert pairs(related(them, runs((10, 15), (18, 25)), relation)) == expected


def test_segments_that_touch_are_beside_each_other_but_do_not_overlap():
    assert pairs(related(falls((5, 10)), runs((10, 15)), Relation("during", "run"))) == []
    [found] = related(falls((5, 10)), runs((10, 15)), Relation("followed_by", "run", 0))
    assert (found.other.start, found.apart_s) == (10, 0)


def test_what_has_no_length_lies_where_it_starts():
    assert pairs(related(falls((10, 10)), runs((10, 15)), Relation("during", "run"))) == [(10, 10)]
    assert pairs(related(falls((15, 15)), runs((10, 15)), Relation("during", "run"))) == []


def test_an_open_segment_overlaps_what_begins_later_and_is_followed_by_nothing():
    assert pairs(related(falls((5, None)), runs((50, 60)), Relation("during", "run"))) == [(5, 50)]
    assert pairs(related(falls((5, None)), runs((50, 60)), Relation("followed_by", "run"))) == []


def test_a_segment_is_not_beside_itself():
    them = falls((5, 6), (30, 31), (50, 51))
    assert pairs(related(them, them, Relation("within", "fall", 20))) == [(30, 50), (50, 30)]


def test_segments_cannot_be_less_than_nothing_apart():
    with pytest.raises(UsageError, match=r"0 s or more apart, got -1"):
        Relation("within", "run", -1)


spans = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 12))).map(
        lambda pair: (float(pair[0]), None if pair[1] is None else float(pair[0] + pair[1]))
    ),
    max_size=12,
)


def by_looking_at_every_pair(one: Segment, others: list[Segment], relation: Relation) -> float | None:
    """The least distance of those that stand in the relation, or None."""

    def end(segment: Segment) -> float:
        over = math.inf if segment.end is None else segment.end
        return max(over, math.nextafter(segment.start, math.inf))

    before = [other for other in others if end(other) <= one.start]
    after = [other for other in others if other.start >= end(one)]
    overlapping = [other for other in others if other not in before and other not in after]
    related = {"during": overlapping, "following": before, "followed_by": after, "within": others}[relation.kind]
    distances = [apart_s(one, other) for other in related]
    return min((distance for distance in distances if distance <= relation.within_s), default=None)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(spans, spans, st.sampled_from(KINDS), st.sampled_from([0.0, 1.0, 5.0, math.inf]))
def test_the_answer_is_that_of_looking_at_every_pair(some, others, kind, within_s):
    them, beside = falls(*some), runs(*others)
    relation = Relation(kind, "run", within_s)
    expected = [(one.start, by_looking_at_every_pair(one, beside, relation)) for one in them]
    found = [(one.segment.start, one.apart_s) for one in related(them, beside, relation)]
    assert found == [(start, distance) for start, distance in expected if distance is not None]


def test_a_range_is_that_of_the_segment_and_not_of_the_one_beside_it(store):
    watched(store, "cam1", [*falls((10, 12), (60, 62)), *runs((5, 8))])
    found = list(ask(store, ["cam1"], "fall", Relation("following", "run"), Span(9, 50)))
    assert pairs(found) == [(10, 5)]


def test_what_is_exactly_as_far_away_as_allowed_is_found(store):
    watched(store, "cam1", [*falls((10, 12)), *runs((0, 5), (17, 18))])
    assert pairs(ask(store, ["cam1"], "fall", Relation("following", "run", 5), Span(10, 12))) == [(10, 0)]
    assert pairs(ask(store, ["cam1"], "fall", Relation("followed_by", "run", 5), Span(10, 12))) == [(10, 17)]


def test_streams_are_answered_in_turn_and_never_mixed(store):
    watched(store, "b", falls((10, 12)))
    watched(store, "a", [*falls((10, 12)), *runs((11, 20))])
    during = list(ask(store, ["a", "b"], "fall", Relation("during", "run")))
    assert [(one.segment.stream, one.other.stream) for one in during] == [("a", "a")]
    assert [one.segment.stream for one in ask(store, ["b", "a"], "fall")] == ["b", "a"]


def test_without_a_relation_segments_come_alone(store):
    watched(store, "cam1", [segment("cam1", "fall", 1, 2, score=0.4), segment("cam1", "fall", 5, None, score=0.9)])
    [found] = ask(store, ["cam1"], "fall", min_score=0.5)
    assert (found, found.apart_s) == (Found(store.timeline("cam1", min_score=0.5).segments[0], None), None)
