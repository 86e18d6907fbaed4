"""The store that benches ask holds what it says, and they report what they found."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import asking
from bench.filled import BEGIN_S, END_S, LABELS, opened
from pipeline.timeline.pages import Question
from pipeline.timeline.store import TimelineStore

STREAMS, SEGMENTS = 2, 4000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filled")


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[TimelineStore]:
    with opened(home, None, STREAMS, SEGMENTS) as filled:
        yield filled


def test_every_segment_that_was_asked_for_is_there_once(store):
    found = store.page(Question(tuple(store.names()), gaps=False), 2 * SEGMENTS).items
    assert len({(one.stream, one.id) for one in found}) == len(found) == SEGMENTS
    assert {one.label for one in found} == set(LABELS)
    assert all(BEGIN_S <= one.start <= one.end <= END_S for one in found)


def test_segments_of_one_label_never_overlap(store):
    spans = [(one.start, one.end) for one in store.timeline("cam-000", label="walk").segments]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_filled_store_is_used_again_and_no_other_is(store, home):
    with opened(home, None, STREAMS, SEGMENTS) as again:
        assert again.names() == store.names()
    with pytest.raises(SystemExit, match="something else than 20 segments of 1 streams"), opened(home, None, 1, 20):
        pass


def test_a_missed_goal_is_told_in_the_report_and_by_the_exit_code(store, home, monkeypatch, capsys):
    slow = asking.Ask("slow", asking.page(asking.HOUR_S), 5, goal_ms=0.001)
    fast = asking.Ask("fast", asking.month(24), 5, goal_ms=1e6)
    monkeypatch.setattr(asking, "ASKS", (slow, fast))
    report = home / "asking.md"
    options = ["--home", str(home), "--streams", str(STREAMS), "--segments", str(SEGMENTS), "--report", str(report)]
    monkeypatch.setattr("sys.argv", ["asking", *options])
    assert asking.main() == 1
    found = json.loads(report.with_suffix(".json").read_text())
    assert [failure.split(":")[0] for failure in found["failures"]] == ["slow"]
    assert [one["times"] for one in found["questions"]] == [5, 5]
    assert "**1 things do not hold:**" in report.read_text()
    assert "fast" in capsys.readouterr().out


def test_figures_are_percentiles_of_what_each_question_took(store, monkeypatch):
    clock = iter(np.cumsum([*[1.0] * asking._WARM, *[1.0, 0.002] * 99, 1.0, 0.5]).tolist())
    monkeypatch.setattr(asking.time, "perf_counter", lambda: next(clock))
    found = asking.answered(store, asking.Ask("all", lambda *_: 3, 100), 100)
    assert (found.values, found.times) == (3.0, 100)
    assert (found.p50_ms, found.most_ms) == pytest.approx((2.0, 500.0))
