"""The Python API: `import longtake`."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pandas
import pytest

import longtake
from pipeline.errors import StoreDown
from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, GapReason
from tests.ask.streams import more, segment, watched

NOON = 1_700_049_600.0
NOON_DATE = datetime(2023, 11, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, TimelineStore.open(None, place) as store:
        patch.setenv("LONGTAKE_HOME", str(place))
        patch.delenv("LONGTAKE_STORE", raising=False)
        seen = [
            segment("dock", "walk", NOON + 60, NOON + 90, "w", 0.4),
            segment("dock", "fall", NOON + 120.1234, NOON + 125, "f", 0.9),
            segment("dock", "run", NOON + 200, None, "r"),
        ]
        gaps = [Gap("dock", NOON + 100, NOON + 110, GapReason.CAMERA_DOWN)]
        watched(store, "dock", seen, gaps, from_s=NOON, until_s=NOON + 300, source="rtsp://dock", live=True)
        yield store


@pytest.fixture
def store(home) -> Iterator[longtake.Store]:
    with longtake.open() as opened:
        yield opened


def ids(timeline: longtake.Timeline) -> list[str]:
    return [one.id for one in timeline.segments]


def test_these_names_are_public():
    assert set(longtake.__all__) == {
        *("open", "Store", "Timeline", "Segment", "Gap", "StreamInfo", "Change", "Live"),
        *("LongtakeError", "UsageError", "StoreError", "__version__"),
    }
    assert dir(longtake) == longtake.__all__
    assert all(hasattr(longtake, name) for name in longtake.__all__)
    with pytest.raises(AttributeError, match="no attribute 'opened'"):
        longtake.opened  # noqa: B018


def test_importing_it_loads_nothing_heavy():
    heavy = {"torch", "ray", "av", "numpy", "redis", "pyarrow", "duckdb", "rich", "typer"}
    code = f"import sys, longtake; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_timeline_is_its_segments_and_gaps_by_start(store):
    found = store.timeline("dock")
    assert ids(found) == ["w", "f", "r"]
    assert [gap.reason for gap in found.gaps] == ["camera_down"]
    assert [item.start - NOON for item in found] == pytest.approx([60, 100, 120.1234, 200])
    assert (len(found), found.stream, found.duration) == (4, "dock", 300.0)


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (NOON + 115, NOON + 150),
        (NOON_DATE + timedelta(seconds=115), NOON_DATE + timedelta(seconds=150)),
        (NOON_DATE.replace(tzinfo=None) + timedelta(seconds=115), NOON + 150),
        ((NOON_DATE + timedelta(seconds=115)).astimezone(timezone(timedelta(hours=2))), NOON + 150),
    ],
)
def test_a_range_is_given_in_seconds_or_as_dates_in_any_time_zone_or_none(store, after, before):
    assert ids(store.timeline("dock", after=after, before=before)) == ["f"]


def test_a_label_and_a_score_leave_other_segments_out(store):
    assert ids(store.timeline("dock", label="run")) == ["r"]
    assert ids(store.timeline("dock", min_score=0.9)) == ["f"]


@pytest.mark.parametrize("asked", [{"stream": "deck"}, {"stream": "dock", "label": "jump"}])
def test_what_is_not_there_is_told_with_what_is(store, asked):
    with pytest.raises(longtake.UsageError, match=r"dock|walk"):
        store.timeline(**asked)


def test_a_timeline_as_a_data_frame_has_a_row_for_each_segment_and_gap(store):
    frame = store.timeline("dock").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["kind"].tolist() == ["segment", "gap", "segment", "segment"]
    assert frame["start"].tolist() == [NOON + 60, NOON + 100, NOON + 120.123, NOON + 200]
    assert frame["label"].dropna().tolist() == ["walk", "fall", "run"]
    assert frame["end"].isna().tolist() == [False, False, False, True]


def test_an_empty_timeline_is_an_empty_table_of_the_same_columns(store):
    empty, whole = store.timeline("dock", before=NOON + 1).to_arrow(), store.timeline("dock").to_arrow()
    assert (len(empty), empty.schema) == (0, whole.schema)


def test_streams_tell_how_they_are(store):
    [info] = store.streams()
    assert isinstance(info, longtake.StreamInfo)
    assert (info.name, info.state, info.segments) == ("dock", "running", 3)


def test_sql_answers_with_a_table(store):
    answer = store.sql("select label, round(sum(seconds), 1) as seconds from segments where not open group by all")
    assert {(row["label"], row["seconds"]) for row in answer.to_pylist()} == {("walk", 30.0), ("fall", 4.9)}
    with pytest.raises(longtake.UsageError, match="one SELECT"):
        store.sql("drop table segments")
    with pytest.raises(longtake.LongtakeError, match="larger than 20 MB"):
        store.sql("from range(1000000000000)", memory_bytes=20_000_000)


def test_changes_come_as_they_are_committed(store, home):
    lease = watched(home, "gate")
    live = store.live("g*")
    more(home, lease, 1, [segment("gate", "walk", 1.0, None, "a")], 101.0)
    more(home, lease, 2, [segment("gate", "walk", 1.0, 102.0, "a")], 102.0)
    home.set_state(lease, "paused")
    found = [next(live) for _ in range(3)]
    assert [(one.stream, one.kind) for one in found] == [("gate", "opened"), ("gate", "closed"), ("gate", "state")]
    assert [found[0].value.end, found[1].value.end, found[2].value] == [None, 102.0, "paused"]
    home.remove("gate")


def test_a_stream_that_is_added_later_is_followed_too(store, home):
    live = store.live(["late*", "dock"])
    watched(home, "later", [segment("later", "walk", 1.0, 2.0, "a")])
    assert (change := next(live)).stream == "later" and change.kind in ("opened", "closed")
    home.remove("later")


def test_only_streams_that_are_there_can_be_followed_by_name(store):
    with pytest.raises(longtake.UsageError, match="did you mean dock"):
        store.live("duck")


def test_after_an_error_the_next_change_is_the_next_one(store, home, monkeypatch):
    lease = watched(home, "gate")
    live = store.live("gate")
    poll = live._follower.poll

    def down(_):
        monkeypatch.setattr(live._follower, "poll", poll)
        raise StoreDown("it is away")

    monkeypatch.setattr(live._follower, "poll", down)
    more(home, lease, 1, [segment("gate", "walk", 1.0, None, "a")], 101.0)
    with pytest.raises(longtake.StoreError):
        next(live)
    assert next(live).value.id == "a"
    home.remove("gate")


def test_where_no_store_answers_opening_says_so():
    with pytest.raises(longtake.StoreError, match="does not answer"):
        longtake.open("redis://127.0.0.1:1/0")
