"""Overviews, scores, labels, models and statistics."""

import numpy as np
import pytest

from longtake.api.score_points import points_of
from pipeline.timeline.reads import Span
from pipeline.values import Scores
from tests.api.content import CARD, STRANGE


@pytest.fixture(scope="module")
def get(client):
    def ask(path, status=200, **parameters):
        answer = client.get(path, params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


def test_an_overview_is_the_share_of_each_bin_that_a_label_holds(get):
    found = get("/api/overview", stream="door", after=100, before=180, bins=4)
    assert (found["after"], found["before"], found["bin_s"]) == (100, 180, 20)
    door = found["streams"]["door"]
    assert door["labels"]["walk"] == [0.5, 0, 0, 0] and door["labels"]["fall"] == [0, 0, 0.125, 0]
    assert door["gaps"] == [0.5, 0, 0, 0]


@pytest.mark.parametrize("asked", [{}, {"after": 1}, {"after": 1, "before": 2, "bins": 4001}])
def test_an_overview_is_of_a_range_in_so_many_bins(get, asked):
    get("/api/overview", 422, **asked)


def test_scores_are_those_of_the_labels_of_the_streams_model(get):
    found = get("/api/scores", stream="door", points=10)
    assert found["labels"] == list(CARD.labels) == list(found["scores"])
    assert len(found["start_time"]) == 10 == len(found["scores"]["walk"])
    near = get("/api/scores", stream="door", after=10, before=12)
    assert near["start_time"] == [9.6, 10.4, 11.2]
    assert get("/api/scores", stream="dock-1", after=1e6)["start_time"] == []
    assert "no stream" in get("/api/scores", 404, stream="nobody")["detail"]


def steps(*probs):
    """One answer a second, of two labels."""
    return [Scores("cam", 0, n, n, n + 1, np.array([one, 1 - one], np.float32)) for n, one in enumerate(probs)]


class TestPoints:
    def test_where_there_are_few_all_are_shown(self):
        found = points_of(steps(0, 0.25, 1), Span(), 3, 2)
        assert found.start_s == (0, 1, 2) and found.means.tolist() == [[0, 1], [0.25, 0.75], [1, 0]]

    def test_where_there_are_many_a_point_is_the_mean_of_its_stretch(self):
        found = points_of(steps(0, 1, 0.5, 0.5, 1, 1), Span(0, 6), 3, 2)
        assert found.start_s == (0, 2, 4) and found.means.tolist() == [[0.5, 0.5], [0.5, 0.5], [1, 0]]

    def test_a_stretch_without_answers_has_no_point(self):
        scores = steps(0, 0, 0, 0, 0, 0, 1, 1)
        found = points_of([*scores[:2], *scores[6:]], Span(0, 8), 3, 2)
        assert found.start_s == pytest.approx((0, 16 / 3)) and found.means[:, 0].tolist() == [0, 1]

    def test_what_another_model_answered_is_left_out(self):
        other = Scores("cam", 0, 9, 9, 10, np.array([1], np.float32))
        assert points_of([*steps(0.5), other], Span(), 5, 2).start_s == (0,)
        assert points_of([other], Span(), 5, 2).means.shape == (0, 2)


def test_labels_come_with_the_number_of_streams_that_know_them(get):
    labels = {one["label"]: one["streams"] for one in get("/api/labels")["labels"]}
    assert labels == dict.fromkeys(CARD.labels, 3) | dict.fromkeys(STRANGE, 1)


def test_a_model_is_named_where_it_is_on_this_machine(get):
    (model,) = get("/api/models")["models"]
    assert model == {
        "fingerprint": CARD.fingerprint,
        "name": "longtake-small",
        "labels": list(CARD.labels),
        "streams": 3,
        "workers": 0,
    }


def test_statistics_add_up_by_what_was_asked(get, client):
    assert get("/api/stats", stream="door,dock-1")["rows"] == [
        {"label": "fall", "seconds": 4.5, "count": 2},
        {"label": "walk", "seconds": 50.0, "count": 3},
    ]
    assert get("/api/stats", by="stream,hour", label="fall")["rows"] == [
        {"stream": "dock-1", "hour": 0, "seconds": 2.0, "count": 1},
        {"stream": "door", "hour": 0, "seconds": 2.5, "count": 1},
    ]
    table = client.get("/api/stats?by=label&stream=dock-1", headers={"Accept": "text/csv"}).text
    assert table.splitlines() == ['"label","seconds","count"', '"fall",2,1', '"walk",10,1']
    assert "cannot be told apart by colour" in get("/api/stats", 422, by="colour")["detail"]
