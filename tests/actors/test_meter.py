"""What a model worker says of itself: what waits, what it answered, how much of its time it computed."""

from dataclasses import replace

import pytest

from actors.meter import Meter
from actors.roster import Known


def test_requests_are_under_way_until_they_are_answered_however_they_end():
    meter = Meter(threads=2)
    with meter.request():
        load = meter.load("p", "n", waiting=3)
        assert (load.under_way, load.answered, load.waiting) == (1, 0, 3)
    with pytest.raises(ValueError, match="refused"), meter.request():
        raise ValueError("refused")
    load = meter.load("p", "n", 0)
    assert (load.under_way, load.answered) == (0, 2)


def test_busy_is_the_share_of_all_threads_between_two_answers():
    meter = Meter(threads=2)
    before = meter.load("p", "n", 0)
    meter.batch("encode", 1, 3.0)
    after = replace(meter.load("p", "n", 0), at_s=before.at_s + 10.0)
    assert after.busy_since(before) == pytest.approx(0.15)
    assert replace(after, busy_s=1000.0).busy_since(before) == 1.0
    assert replace(after, pid=0).busy_since(before) == 0.0, "a successor has not done what the dead one did"


def test_a_worker_is_idle_since_it_was_first_seen_with_nothing_to_do():
    known, load = Known("n", 0.0), Meter(1).load("p", "n", 0)
    known.says(load, 1.0)
    known.says(load, 5.0)
    assert known.idle_for_s(7.0) == 6.0 and known.silent_s(7.0) == 2.0
    assert known.says(replace(load, answered=1), 8.0), "between two looks it has answered something"
    assert known.idle_for_s(9.0) < 0
    known.says(replace(load, answered=1), 9.0)
    assert known.idle_for_s(12.0) == 3.0
