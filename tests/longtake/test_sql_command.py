"""`longtake sql` as a user meets it: formats, limits, sentences."""

import io
import json
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore
from tests.ask.streams import segment, watched

SUMS = "select label, count(*) as n, sum(seconds) as seconds from segments group by label order by label"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home")
    with TimelineStore.open(None, place) as store:
        found = [
            segment("dock", "walk", 1.0, 3.5),
            segment("dock", "run", 4.0, None),
            segment("dock", "walk", 9.0, 10.0),
        ]
        watched(store, "dock", found)
    return place


@pytest.fixture
def call(home, monkeypatch):
    """Run `longtake sql` in this process; returns what it printed, or raises the error that `main` would show."""
    monkeypatch.setenv("LONGTAKE_HOME", str(home))

    def run(*arguments: str) -> bytes:
        result = CliRunner().invoke(app, ["sql", *map(str, arguments)])
        if result.exception is not None:
            raise result.exception
        return result.stdout_bytes

    return run


def test_a_table_has_a_column_for_each_column_and_nothing_where_nothing_is(call):
    lines = [line.split() for line in call(SUMS).decode().splitlines() if line.strip()]
    assert lines[0] == ["label", "n", "seconds"]
    assert lines[2:] == [["run", "1"], ["walk", "2", "3.5"]]


def test_a_long_table_says_how_many_rows_it_leaves_out(call):
    assert "and 1 row more: all with --format csv" in call("select * from range(201)").decode()


def test_json_holds_rows_and_what_json_has_no_kind_for_is_text(call):
    assert json.loads(call(SUMS, "--format", "json")) == {
        "rows": [{"label": "run", "n": 1, "seconds": None}, {"label": "walk", "n": 2, "seconds": 3.5}]
    }
    odd = "select date '2026-01-31' as day, [1.5, 'nan'::double] as list, {'a': 1} as pair, true as yes, 1e400 as much"
    assert json.loads(call(odd, "--format", "json")) == {
        "rows": [{"day": "2026-01-31", "list": [1.5, None], "pair": {"a": 1}, "yes": True, "much": None}]
    }


def test_csv_and_parquet_open_elsewhere(call, tmp_path):
    rows = [{"label": "run", "n": 1, "seconds": None}, {"label": "walk", "n": 2, "seconds": 3.5}]
    assert pyarrow.csv.read_csv(io.BytesIO(call(SUMS, "--format", "csv"))).to_pylist() == rows
    call(SUMS, "--format", "parquet", "-o", tmp_path / "sums.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "sums.parquet").to_pylist() == rows


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["delete from segments"], "one SELECT"),
        ([SUMS, "--memory", "plenty"], "write 512MB or 2GiB"),
        ([SUMS, "--timeout", "soon"], "not a duration"),
        ([SUMS, "-o", "sums.txt"], "--format json, csv or parquet"),
        (["select [1] as list", "--format", "csv"], "take --format json"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(call, arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        call(*arguments)


def test_limits_are_those_that_were_given(call):
    with pytest.raises(LongtakeError, match=r"longer than 0\.2 s"):
        call("select count(*) from range(1000000000000)", "--timeout", "0.2s")
    with pytest.raises(LongtakeError, match="more memory than 50 MB"):
        call("select list(range) from range(100000000)", "--memory", "50MB", "--timeout", "60s")
