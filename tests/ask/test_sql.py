"""What SQL shows of timelines, what it refuses, and where it stops."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from pipeline.archive.archive import Archive
from pipeline.archive.errors import ArchiveError, FileMissing
from pipeline.ask.engine import SqlLimits
from pipeline.ask.sql import Sql
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.moves import move
from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, GapReason
from tests.ask.streams import more, segment, watched

DAY = 86_400.0


@pytest.fixture(scope="module")
def asked(shared: TimelineStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sql]:
    """Two streams: `old` is partly archived, over three days, and goes on; `new` is in Redis."""
    shared.client.flushall()
    place = tmp_path_factory.mktemp("sql")
    days = [segment("old", label, day * DAY + 10, day * DAY + 20) for day in range(3) for label in ("walk", "fall")]
    gaps = [Gap("old", day * DAY + 30, day * DAY + 31.5, GapReason.DROPPED) for day in range(3)]
    lease = watched(shared, "old", days, gaps, until_s=4 * DAY)
    assert move(shared, Archive(str(place / "archive")), 0.0).segments == 6
    last = [segment("old", "run", 4 * DAY, 4 * DAY + 5), segment("old", "walk", 4 * DAY + 6, None)]
    more(shared, lease, 1, last, 5 * DAY)
    young = [segment("new", "walk", 1.0, 3.0, score=0.25), segment("new", "run", 5.0, None)]
    watched(shared, "new", young, until_s=7.0)
    yield Sql(shared, place / "cache")


def rows(asked: Sql, query: str) -> list[dict]:
    return asked.ask(query).to_pylist()


def test_every_segment_is_a_row_wherever_it_is_kept(asked, shared):
    found = rows(asked, 'select stream, id, label, start, "end", score, peak, model, origin, epoch from segments')
    names = ("stream", "id", "label", "start", "end", "score", "peak", "model", "origin", "epoch")
    known = [one for stream in ("new", "old") for one in shared.timeline(stream).segments]
    assert len(known) == 10
    assert sorted(map(str, found)) == sorted(str({name: getattr(one, name) for name in names}) for one in known)


def test_what_is_open_has_no_end_and_no_length(asked):
    found = rows(asked, "select stream, \"end\", seconds, open from segments where open or stream = 'new' order by all")
    assert found == [
        {"stream": "new", "end": 3.0, "seconds": 2.0, "open": False},
        {"stream": "new", "end": None, "seconds": None, "open": True},
        {"stream": "old", "end": None, "seconds": None, "open": True},
    ]


def test_gaps_are_rows_too(asked):
    columns = ("stream", "start", "seconds", "reason", "filled", "day")
    found = rows(asked, "select stream, start, seconds, reason, filled, day::varchar as day from gaps order by start")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("old", n * DAY + 30, 1.5, "dropped", False, f"1970-01-0{n + 1}") for n in range(3)
    ]


def test_hours_are_the_aggregates_of_the_store(asked, shared):
    found = rows(asked, "select * from hours")
    known = [(stream, one) for stream in ("new", "old") for one in shared.aggregates(stream)]
    assert len(found) == len(known) == 8
    for stream, one in known:
        assert {"stream": stream, **asdict(one)} in found


def test_streams_are_what_the_store_says_of_them(asked, shared):
    found = rows(asked, "select stream, state, segments, until from streams order by stream")
    assert found == [
        {"stream": info.name, "state": info.state, "segments": info.segments, "until": info.until_s}
        for info in shared.streams()
    ]


def test_the_views_can_be_joined_and_described(asked):
    joined = "select stream, count(*) as n from segments join gaps using (stream) group by all"
    assert rows(asked, joined) == [{"stream": "old", "n": 8 * 3}]
    names = {row["name"] for row in rows(asked, "show tables")}
    assert names >= {"segments", "gaps", "streams", "hours"}
    columns = [row["column_name"] for row in rows(asked, "describe gaps")]
    assert columns == ["stream", "start", "end", "reason", "filled", "seconds", "day"]


def test_sums_are_whole_numbers_and_columns_have_names_of_their_own(asked):
    answer = asked.ask("select sum(epoch), 1 as one, 2 as one from segments")
    assert answer.column_names == ["sum(epoch)", "one", "one_1"]
    assert answer.to_pylist() == [{"sum(epoch)": 0, "one": 1, "one_1": 2}]


@pytest.mark.parametrize(
    "query",
    [
        "drop table segments",
        "create table mine as from segments",
        "insert into segments select * from segments",
        "attach '/tmp/other.db'",
        "copy segments to 'segments.csv'",
        "install httpfs",
        "load httpfs",
        "pragma version",
        "call pragma_version()",
        "set memory_limit = '100GB'",
        "explain analyze select 1",
        "select 1; select 2",
        "select 1; drop view segments",
        "",
    ],
)
def test_anything_but_one_select_is_refused(asked, query):
    with pytest.raises(UsageError, match="one SELECT"):
        asked.ask(query)


@pytest.mark.parametrize(
    "query",
    [
        "from read_csv('/etc/passwd')",
        "from read_text('/etc/passwd')",
        "from read_blob('/etc/passwd')",
        "from '/etc/passwd'",
        "from glob('/*')",
        "from read_parquet('https://example.org/a.parquet')",
        "from query('from read_text(''/etc/passwd'')')",
        "select getenv('HOME')",
        "from asked",  # a Python variable that is there while this runs
        "select set_config('memory_limit', '100GB')",
    ],
)
def test_files_addresses_and_python_are_out_of_reach(asked, query):
    with pytest.raises(UsageError):
        asked.ask(query)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("select 1 from segmets", 'Did you mean "segments"'),
        ("select lable from segments", "label"),
        ("selec 1", "syntax error"),
        ("select 'x'::integer", "Could not convert string 'x'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(asked, query, sentence):
    with pytest.raises(UsageError) as told:
        asked.ask(query)
    assert sentence in str(told.value) and "\n" not in str(told.value)


def test_a_query_that_takes_too_long_is_stopped(asked):
    with pytest.raises(LongtakeError, match=r"took longer than 0\.2 s"):
        asked.ask("select count(*) from range(1000000000000)", SqlLimits(timeout_s=0.2))


@pytest.mark.parametrize("whole_process", [False, True])
def test_a_query_that_needs_too_much_memory_is_stopped(asked, whole_process):
    with pytest.raises(LongtakeError, match="needs more memory than 50 MB"):
        asked.ask("select list(range) from range(100000000)", SqlLimits(50_000_000, 20.0, whole_process))


def test_memory_that_duckdb_does_not_count_is_bounded_where_the_process_is_its_own(asked):
    with pytest.raises(LongtakeError, match="needs more memory"):
        asked.ask("select length(repeat('x', 3000000000))", SqlLimits(50_000_000, 20.0, whole_process=True))


def test_an_answer_that_is_too_large_is_not_gathered(asked):
    with pytest.raises(LongtakeError, match="larger than 20 MB"):
        asked.ask("from range(1000000000000)", SqlLimits(20_000_000))


@pytest.mark.parametrize("limits", [(1_000_000, 10.0), (512_000_000, 0.0), (512_000_000, float("inf"))])
def test_limits_that_are_none_are_refused(limits):
    with pytest.raises(UsageError, match="at least 16 MB and some time"):
        SqlLimits(*limits)


def test_archived_files_are_passed_over_where_stream_or_day_tell_and_missed_elsewhere(store, tmp_path):
    days = [segment("cam1", "walk", day * DAY, day * DAY + 1, f"s{day}") for day in range(3)]
    watched(store, "cam1", days, until_s=3 * DAY)
    move(store, Archive(str(tmp_path / "archive")), 0.0)
    sql = Sql(store, tmp_path / "cache")
    [lost] = (tmp_path / "archive").glob("*/date=1970-01-01/*.parquet")
    lost.unlink()
    assert rows(sql, "select id from segments where day >= '1970-01-02' order by id") == [{"id": "s1"}, {"id": "s2"}]
    assert rows(sql, "select id from segments where stream = 'cam2'") == []
    with pytest.raises(FileMissing, match="1970-01-01"):
        sql.ask("select count(label) from segments")
    lost.write_bytes(b"no parquet")
    with pytest.raises(ArchiveError, match="cannot be read"):
        sql.ask("select count(label) from segments")


def test_a_stream_that_ends_between_two_questions_is_asked_as_it_is(store, tmp_path):
    sql = Sql(store, tmp_path / "cache")
    assert rows(sql, "select count(*) as n from segments") == [{"n": 0}]
    lease = watched(store, "cam1", [segment("cam1", "walk", 1.0, None, "a")])
    assert rows(sql, "select id, open from segments") == [{"id": "a", "open": True}]
    more(store, lease, 1, [segment("cam1", "walk", 1.0, 2.0, "a")], 3.0)
    assert rows(sql, "select id, open from segments") == [{"id": "a", "open": False}]
    store.remove("cam1")
    assert rows(sql, "select count(*) as n from segments") == [{"n": 0}]


def test_hours_know_labels_with_colons(store, tmp_path):
    watched(store, "cam1", [segment("cam1", "door: open", 3599.0, 3602.0)], labels=frozenset({"door: open"}))
    found = rows(Sql(store, tmp_path), "select label, hour, seconds, count from hours order by hour")
    assert [tuple(row.values()) for row in found] == [("door: open", 0, 1.0, 1), ("door: open", 1, 2.0, 0)]
