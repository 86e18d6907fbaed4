"""Overviews against adding up every second."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import NotThere, UsageError
from pipeline.timeline.overview import HOUR_S, Overview
from pipeline.values import Gap
from tests.timeline import make
from tests.timeline.several import STEP_S, Filled

WATCHED_S = 10 * STEP_S  # every stream of `several`


def expected(filled: Filled, found: Overview) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What each bin of an overview must say, item by item and bin by bin."""
    labels: dict[str, np.ndarray] = {}
    gaps = np.zeros(len(found.gaps))
    for one in filled.items:
        if one.stream == found.stream:
            row = gaps if isinstance(one, Gap) else labels.setdefault(one.label, np.zeros(len(found.gaps)))
            end = max(one.start, WATCHED_S) if one.end is None else one.end
            for number in range(len(row)):
                begin = found.since + number * found.bin_s
                row[number] += max(0.0, min(end, begin + found.bin_s) - max(one.start, begin)) / found.bin_s
    return {label: row for label, row in labels.items() if row.any()}, gaps


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    stream=st.sampled_from(["a-1", "a-2", "b-1"]),
    since=st.sampled_from([0.0, 3 * STEP_S]) | st.floats(-STEP_S, 12 * STEP_S),
    length=st.floats(1.0, 30 * STEP_S),
    bins=st.integers(1, 60),
)
def test_every_share_is_what_adding_up_finds(archived, stream, since, length, bins):
    found = archived.store.overview(stream, since, since + length, bins)
    labels, gaps = expected(archived, found)
    assert list(found.labels) == sorted(labels)
    for label, row in labels.items():
        assert found.labels[label] == pytest.approx(row, abs=1e-6)
    assert found.gaps == pytest.approx(gaps, abs=1e-6)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(since=st.floats(-1e6, 2e9), length=st.floats(1.0, 1e8), bins=st.integers(1, 4000))
def test_no_more_bins_than_asked_for_cover_the_range(archived, since, length, bins):
    found = archived.store.overview("nothing-yet", since, since + length, bins)
    assert len(found.gaps) <= bins
    assert found.since <= since
    assert found.until >= since + length
    if found.bin_s >= HOUR_S and (found.since, found.until) != (since, since + length):
        assert math.fmod(found.since, HOUR_S) == math.fmod(found.bin_s, HOUR_S) == 0.0


def test_some_hours_out_of_many_are_found_on_every_kind_of_server(store):
    lease = make.claim(store)
    closed = tuple(make.segment(f"{n:04}", n * 7200.0, n * 7200.0 + 1800) for n in range(400))
    store.commit(lease, make.commit(closed=closed, until_s=400 * 7200.0))
    found = store.overview(make.STREAM, 200 * 7200.0, 210 * 7200.0, 20)
    assert found.labels == {"walk": (0.5, 0.0) * 10}


def test_what_has_nothing_to_show_is_left_out(store):
    store.commit(make.claim(store), make.commit(closed=(make.segment("a", 0.0, 2.0, "walk"),), gaps=(make.gap(2, 3),)))
    found = store.overview(make.STREAM, 0.0, 4.0, 4)
    assert found == Overview(make.STREAM, 0.0, 4.0, 1.0, {"walk": (1.0, 1.0, 0.0, 0.0)}, (0.0, 0.0, 1.0, 0.0))


@pytest.mark.parametrize("span", [(1.0, 1.0), (2.0, 1.0), (-math.inf, 1.0), (0.0, math.nan)])
def test_a_range_needs_both_ends(archived, span):
    with pytest.raises(UsageError, match="a range with both ends"):
        archived.store.overview("a-1", *span, 10)


@pytest.mark.parametrize("until", [10.0, 1e6])
def test_a_stream_that_is_not_there_is_named(archived, until):
    with pytest.raises(NotThere, match="there is no stream 'roof'"):
        archived.store.overview("roof", 0.0, until, 10)
