"""`/api/timeline` and `/api/events`: what overlaps, page by page, in every format."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.content import ITEMS, STRANGE

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def get(client):
    def ask(path, status=200, **parameters):
        answer = client.get(path, params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


def pages(get, path, limit, **parameters):
    """All pages of an answer."""
    cursor = {}
    while True:
        page = get(path, limit=limit, **cursor, **parameters)
        yield page
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


def test_a_segment_says_what_it_is_and_an_open_one_has_no_end(get):
    (segment,) = get("/api/timeline", stream="door", in_progress=True)["segments"]
    assert segment == {
        "kind": "segment",
        "id": "door-300-3",
        "stream": "door",
        "label": "sit",
        "start_time": 300.0,
        "end_time": None,
        "score": 0.7,
        "peak": 0.75,
        "model": segment["model"],
        "origin": "live",
        "epoch": 0,
    }


def test_what_overlaps_the_range_is_answered_oldest_first(get):
    found = get("/api/timeline", stream="door", after=105, before=151)
    assert [(one["label"], one["start_time"]) for one in found["segments"]] == [("walk", 100.0), ("fall", 150.0)]
    assert found["gaps"] == [
        {
            "kind": "gap",
            "stream": "door",
            "start_time": 110.0,
            "end_time": 120.0,
            "reason": "camera_down",
            "filled": False,
        }
    ]
    assert found["next"] is None


def test_events_are_the_same_newest_first(get):
    starts = [one["start_time"] for one in get("/api/events", stream="door")["events"]]
    assert starts == [300.0, 200.0, 150.0, 110.0, 100.0]


@pytest.mark.parametrize("asked", [{"stream": "dock-*"}, {"stream": ["dock-1", "dock-2"]}, {"stream": "dock-1,dock-2"}])
def test_streams_are_named_by_pattern_repeatedly_or_with_commas(get, asked):
    assert {one["stream"] for one in get("/api/timeline", **asked)["segments"]} == {"dock-1", "dock-2"}


def test_labels_and_scores_choose_among_segments(get):
    walks = get("/api/timeline", label="walk,fall", min_score=0.8)["segments"]
    assert sorted((one["stream"], one["label"]) for one in walks) == [
        ("dock-1", "fall"),
        ("door", "fall"),
        ("door", "walk"),
    ]


@pytest.mark.parametrize("label", STRANGE)
def test_a_label_is_text_whatever_it_says(get, label):
    (segment,) = get("/api/timeline", label=label)["segments"]
    assert segment["label"] == label


@given(st.integers(1, ITEMS + 1))
@settings(max_examples=5, deadline=None)
def test_pages_of_any_size_are_the_whole_answer(get, limit):
    for path, whole in (("/api/events", 100), ("/api/timeline", 100)):
        parts = list(pages(get, path, limit))
        names = [name for name in ("events", "segments", "gaps") if name in parts[0]]
        for name in names:
            assert [one for part in parts for one in part[name]] == get(path, limit=whole)[name]
        assert all(sum(len(part[name]) for name in names) == limit for part in parts[:-1])


def test_a_cursor_is_good_for_its_own_question_only(get):
    cursor = get("/api/timeline", limit=1)["next"]
    assert get("/api/timeline", limit=5, cursor=cursor)["segments"], "another limit is the same question"
    for path, other in (("/api/timeline", {"stream": "door"}), ("/api/timeline", {"after": 1}), ("/api/events", {})):
        assert "belongs to another question" in get(path, 422, cursor=cursor, **other)["detail"]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "!!!", "é", "kwE", "9" * 4000])
def test_what_is_no_cursor_is_refused(get, cursor):
    assert "no cursor" in get("/api/timeline", 422, cursor=cursor)["detail"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"after": 5, "before": 3}, "after must lie before before, got 5 and 3"),
        ({"after": 3, "before": 3}, "after must lie before before"),
        ({"after": "nan"}, "after must be a finite number"),
        ({"limit": 10**9}, "limit must be less than or equal to 10000, got '1000000000'"),
        ({"limit": 0}, "limit must be greater than or equal to 1"),
        ({"min_score": 1.5}, "min_score must be less than or equal to 1"),
        ({"labels": "walk"}, "unknown name 'labels'"),
    ],
)
def test_values_that_are_not_allowed_are_named(get, asked, told):
    assert told in get("/api/timeline", 422, **asked)["detail"]


def test_names_that_nobody_has_come_with_those_that_are_near(get):
    assert get("/api/timeline", 404, label="fal")["detail"] == "there is no label 'fal'; did you mean fall?"
    assert get("/api/events", 404, stream="dor")["detail"] == "there is no stream 'dor'; did you mean door?"


class TestFormats:
    def test_csv_is_a_table_with_the_cursor_in_a_header(self, client):
        answer = client.get("/api/timeline?stream=door&limit=2", headers={"Accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv") and answer.headers["vary"]
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["kind"], row["start"], row["end"]) for row in rows] == [
            ("segment", "100", "110"),
            ("gap", "110", "120"),
        ]
        again = client.get(f"/api/timeline?stream=door&cursor={answer.headers['X-Longtake-Next']}")
        assert [one["start_time"] for one in again.json()["segments"]] == [150.0, 200.0, 300.0]

    @pytest.mark.parametrize("format", [ARROW, PARQUET])
    def test_arrow_and_parquet_hold_the_same_rows(self, client, get, format):
        answer = client.get("/api/events", headers={"Accept": format})
        read = pyarrow.parquet.read_table if format == PARQUET else lambda file: pa.ipc.open_stream(file).read_all()
        rows = read(io.BytesIO(answer.content)).to_pylist()
        expected = get("/api/events")["events"]
        assert len(rows) == len(expected) == ITEMS
        for row, one in zip(rows, expected, strict=True):
            told = {"start": one.pop("start_time"), "end": one.pop("end_time"), **one}
            assert {name: row[name] for name in told} == told

    @pytest.mark.parametrize(
        ("accept", "type"),
        [
            ("*/*", "application/json"),
            ("text/*", "text/csv"),
            ("application/*;q=0.5, text/csv", "text/csv"),
            ("text/html, application/json;q=0.9, */*;q=0.1", "application/json"),
            ("text/csv;q=0, */*", "application/json"),
        ],
    )
    def test_the_best_liked_format_is_chosen(self, client, accept, type):
        answer = client.get("/api/events", headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == type

    def test_a_format_that_is_none_of_ours_is_refused_with_the_choices(self, client):
        answer = client.get("/api/timeline", headers={"Accept": "image/png"})
        assert answer.status_code == 406 and "text/csv" in answer.json()["detail"]


class TestCaching:
    def test_an_answer_that_is_known_is_not_sent_again(self, client):
        first = client.get("/api/timeline?stream=dock-1")
        again = client.get(
            "/api/timeline?stream=dock-1", headers={"If-None-Match": f'"other", {first.headers["etag"]}'}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"] and first.headers["etag"].startswith('W/"')
        other = client.get("/api/timeline?stream=dock-2", headers={"If-None-Match": first.headers["etag"]})
        assert other.status_code == 200 and other.json()["segments"]

    def test_large_answers_are_compressed_for_who_understands_it(self, client):
        packed = client.get("/api/events", headers={"Accept-Encoding": "gzip"})
        plain = client.get("/api/events", headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
        assert packed.json() == plain.json()
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
