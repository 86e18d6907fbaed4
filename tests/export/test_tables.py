"""Tables: what was exported is read back by the libraries people use, to the last bit."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pandas as pd
import pyarrow.ipc
import pyarrow.parquet
import pytest

from pipeline.export.tables import encode
from pipeline.values import Gap, GapReason, Segment
from tests.ask.streams import more, seen, segment, watched

NAMES = ("cam1", "film")
NASTY = "<b>\"quoted\", 'and'\n🤸"


@pytest.fixture
def looks(store):
    """Two streams of times and scores that no decimal rounds to."""
    random = np.random.default_rng(5)
    for name in NAMES:
        labels = ("walk", NASTY)
        segments = [
            segment(
                name,
                label,
                start := n + float(random.uniform()) / 2,
                start + float(random.uniform()) / 2,
                f"{label}{n}",
            )
            for n in range(40)
            for label in labels
        ]
        segments.append(segment(name, "walk", 41 + 1 / 3, None, "open", float(random.uniform())))
        gaps = [Gap(name, 50 + 1 / 7, 51 + 1 / 7, GapReason.STALLED), Gap(name, 52, 53, GapReason.PAUSED, filled=True)]
        watched(store, name, segments, gaps, labels=frozenset(labels))
    return [seen(store, name) for name in NAMES]


def values(rows: list[dict]) -> list[Segment | Gap]:
    """Rows as the values they were."""
    return [
        Gap(row["stream"], row["start"], row["end"], GapReason(row["reason"]), row["filled"])
        if row["kind"] == "gap"
        else Segment(**{name: row[name] for name in Segment.__dataclass_fields__})
        for row in rows
    ]


def without_nan(frame: pd.DataFrame) -> list[dict]:
    """pandas has no other word for what is absent among floats."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [row | {"epoch": None if row["epoch"] is None else int(row["epoch"])} for row in rows]


def test_parquet_is_read_back_exactly_by_arrow_pandas_and_duckdb(looks, tmp_path):
    expected = [item for one in looks for item in one.items]
    assert len(expected) == 166
    path = tmp_path / "timelines.parquet"
    path.write_bytes(encode(looks, "parquet"))
    assert values(pyarrow.parquet.read_table(path).to_pylist()) == expected
    assert values(without_nan(pd.read_parquet(path))) == expected
    with duckdb.connect() as connection:
        read = connection.read_parquet(str(path)).to_arrow_table()
    assert values(read.to_pylist()) == expected


def test_an_arrow_file_is_read_back_exactly_by_arrow_and_pandas(looks):
    expected, data = [item for one in looks for item in one.items], encode(looks, "arrow")
    assert values(pyarrow.ipc.open_file(data).read_all().to_pylist()) == expected
    assert values(without_nan(pd.read_feather(io.BytesIO(data)))) == expected


def test_csv_is_read_back_exactly_too(looks, tmp_path):
    expected = [item for one in looks for item in one.items]
    path = tmp_path / "timelines.csv"
    path.write_bytes(encode(looks, "csv"))
    assert values(without_nan(pd.read_csv(path))) == expected
    with duckdb.connect() as connection:
        counts = connection.execute(
            "select kind, count(*) from read_csv(?) group by 1 order by 1", [str(path)]
        ).fetchall()
    assert counts == [("gap", 4), ("segment", 162)]


def test_nothing_at_all_is_a_table_without_rows():
    for format in ("parquet", "arrow", "csv"):
        assert encode([], format)
    assert pyarrow.parquet.read_table(io.BytesIO(encode([], "parquet"))).num_rows == 0


def test_an_export_beside_a_running_stream_never_shows_half_a_commit(store):
    """Each commit closes one segment where the next begins: in every look they touch, and one is open."""
    lease, done = watched(store, "cam1", [segment("cam1", "walk", 0.0, None, "0")], until_s=1.0), threading.Event()

    def run() -> None:
        for step in range(1, 80):
            closed = segment("cam1", "walk", step - 1.0, float(step), str(step - 1))
            more(store, lease, step, [closed, segment("cam1", "walk", float(step), None, str(step))], step + 1.0)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        looked = 0
        while not done.is_set() or not looked:
            table = pyarrow.ipc.open_file(encode([seen(store, "cam1")], "arrow")).read_all()
            starts, ends = table["start"].to_pylist(), table["end"].to_pylist()
            assert starts == [float(n) for n in range(len(starts))] and ends == [*starts[1:], None]
            looked += 1
        running.result()
