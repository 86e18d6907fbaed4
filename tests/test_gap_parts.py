"""Cutting gaps and segments against each other."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gap_parts import LEAST_S, covered, parts_of, pieces_of, without
from pipeline.values import Gap, GapReason
from tests.timeline import make

seconds = st.integers(0, 400).map(lambda n: n / 4)
spans = st.lists(st.tuples(seconds, seconds).filter(lambda pair: pair[0] < pair[1]), max_size=8)


@settings(max_examples=20)
@given(spans, spans)
def test_what_is_left_of_spans_is_what_no_hole_covers(some, holes):
    def inside(at: float, them) -> int:
        return sum(start <= at < end for start, end in them)

    left = without(some, holes)
    for at in np.arange(0.125, 100.25, 0.25):
        assert inside(at, left) == (0 if inside(at, holes) else inside(at, some))


@settings(max_examples=20)
@given(st.tuples(seconds, seconds).filter(lambda pair: pair[0] < pair[1]), spans, st.floats(0, 0.9 * LEAST_S))
def test_the_parts_of_a_gap_tile_it(ends, some, shift):
    gap = Gap("cam", *ends, GapReason.STALLED)
    disjoint = []
    for start, end in sorted(some):
        if not disjoint or start > disjoint[-1][1] + 1:
            disjoint.append((start + shift, end + shift))
    filled = covered(gap, disjoint)
    parts = parts_of(gap, filled)
    assert (parts[0].start, parts[-1].end) == ends
    assert all(one.end == two.start for one, two in pairwise(parts))
    assert all(part.end - part.start >= LEAST_S / 2 for part in parts)
    assert sum(part.end - part.start for part in parts if part.filled) == pytest.approx(sum(b - a for a, b in filled))


def test_slivers_are_not_kept():
    gap, whole = make.gap(0.0, 10.0), make.segment("s", 2.0, 8.0)
    there = [make.segment("t", 2.0005, 7.9995)]
    assert pieces_of(gap, [whole], there, lambda label: frozenset({label})) == []
    assert covered(gap, [(0.0004, 9.9996)]) == [(0.0, 10.0)]
