import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pyarrow.parquet
import pytest

from pipeline.errors import UsageError
from pipeline.timeline import document, tables
from pipeline.values import Gap, GapReason, Timeline
from tests.timeline import make

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/timeline.schema.json").read_text())
TIMELINE = Timeline(
    stream=make.STREAM,
    model="model-1",
    duration=9.80001,
    segments=(
        make.segment("b", 4.00049, None, "sit", 1 / 3),
        make.segment("c", 1.2, 4.0004, "walk"),
        make.segment("a", 1.2, 3.0, "fall", 0.99999),
    ),
    gaps=(make.gap(6, 7), make.gap(-0.0001, 0.1 + 0.2)),
)
NEWER = (replace(make.segment("b", 2.0, 3.0), model="model-2"),)
TEXT = """{
  "stream": "cam1",
  "model": "model-1",
  "duration": 9.8,
  "segments": [
    {
      "id": "a",
      "label": "fall",
      "start": 1.2,
      "end": 3.0,
      "score": 1.0,
      "peak": 0.75
    },
    {
      "id": "c",
      "label": "walk",
      "start": 1.2,
      "end": 4.0,
      "score": 0.5,
      "peak": 0.75
    },
    {
      "id": "b",
      "label": "sit",
      "start": 4.0,
      "end": null,
      "score": 0.3333,
      "peak": 0.75
    }
  ],
  "gaps": [
    {
      "start": 0.0,
      "end": 0.3,
      "reason": "dropped"
    },
    {
      "start": 6.0,
      "end": 7.0,
      "reason": "dropped"
    }
  ]
}
"""


def test_the_document_is_sorted_rounded_and_always_the_same_bytes():
    assert document.to_json(TIMELINE) == TEXT
    mixed = replace(TIMELINE, segments=TIMELINE.segments[::-1], gaps=TIMELINE.gaps[::-1])
    assert document.to_json(mixed) == TEXT


def test_reading_a_document_and_writing_it_again_changes_nothing():
    again = document.from_json(TEXT)
    assert document.to_json(again) == TEXT
    assert [one.label for one in again.segments] == ["fall", "walk", "sit"]
    assert again.gaps[0] == Gap("cam1", 0.0, 0.3, GapReason.DROPPED)


def test_the_document_keeps_its_published_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(TEXT), SCHEMA)
    jsonschema.validate(document.as_document(Timeline("cam1", "m", 0.0, (), ())), SCHEMA)
    assert SCHEMA["properties"]["gaps"]["items"]["properties"]["reason"]["enum"] == [str(one) for one in GapReason]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(TEXT) | {"host": "here"}, SCHEMA)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", TEXT.replace("dropped", "tired"), TEXT.replace('"id"', '"no"')]
)
def test_what_is_no_timeline_is_refused(text):
    with pytest.raises(UsageError, match="not a timeline document"):
        document.from_json(text)


def test_a_segment_of_an_earlier_model_names_it():
    swapped = replace(TIMELINE, model="model-2", segments=(make.segment("a", 1.0, 2.0), *NEWER))
    segments = json.loads(document.to_json(swapped))["segments"]
    assert [segment.get("model") for segment in segments] == ["model-1", None]
    jsonschema.validate(json.loads(document.to_json(swapped)), SCHEMA)
    assert [one.model for one in document.from_json(document.to_json(swapped)).segments] == ["model-1", "model-2"]
    assert tables.to_arrow(swapped).column("model").drop_null().to_pylist() == ["model-1", "model-2"]


HEADER = '"kind","id","label","start","end","score","peak","model","reason","filled"'


def test_csv_has_segments_and_gaps_by_start_and_an_empty_end_while_open():
    filled = replace(TIMELINE, gaps=(replace(make.gap(-0.0001, 0.1 + 0.2), filled=True), make.gap(6, 7)))
    assert tables.to_csv(filled).splitlines() == [
        HEADER,
        '"gap",,,0,0.3,,,,"dropped",true',
        '"segment","a","fall",1.2,3,1,0.75,"model-1",,',
        '"segment","c","walk",1.2,4,0.5,0.75,"model-1",,',
        '"segment","b","sit",4,,0.3333,0.75,"model-1",,',
        '"gap",,,6,7,,,,"dropped",false',
    ]


def test_a_parquet_file_holds_typed_rows_and_the_rest_as_metadata():
    table = pyarrow.parquet.read_table(io.BytesIO(tables.to_parquet(TIMELINE)))
    assert table.schema.equals(tables.SCHEMA)
    whole, rows = json.loads(TEXT), table.to_pylist()
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
    told = [{name: value for name, value in row.items() if value is not None} for row in rows]
    assert [one for one in told if one["kind"] == "gap"] == [
        gap | {"kind": "gap", "filled": False} for gap in whole["gaps"]
    ]
    closed = [{"kind": "segment", "model": "model-1", **one} for one in whole["segments"] if one["end"] is not None]
    assert [one for one in told if one["kind"] == "segment" and "end" in one] == closed
    metadata = {name.decode(): json.loads(value) for name, value in table.schema.metadata.items()}
    assert metadata == {name: whole[name] for name in ("stream", "model", "duration")}


def test_an_empty_timeline_has_a_typed_table_too():
    empty = Timeline("cam1", "m", 0.0, (), ())
    assert tables.to_arrow(empty).schema.equals(tables.SCHEMA)
    assert tables.to_csv(empty) == f"{HEADER}\n"
