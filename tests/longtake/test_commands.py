"""The command line as a user meets it: answers, sentences, exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import jsonschema
import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.config import Config
from longtake.demo import narrower
from longtake.times import parse_bound, parse_duration, parse_time
from pipeline.errors import LongtakeError, UsageError
from pipeline.synthetic import SceneSpec, write_video
from pipeline.timeline.store import TimelineStore
from tests.models.micro import make_model_dir

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with two films, a film that is none, and a small model."""
    place = tmp_path_factory.mktemp("place")
    films = place / "films"
    films.mkdir()
    for seed in (1, 2):
        write_video(films / f"scene-{seed}.mp4", SceneSpec(seed, 5, 1), fps=10, size=(96, 72))
    (films / "broken.mp4").write_bytes(b"no film" * 100)
    make_model_dir(place / "model")
    return place


@pytest.fixture
def call(place, monkeypatch):
    """Run a command in this process; returns what it printed, or raises the error that `main` would show."""
    monkeypatch.setenv("LONGTAKE_HOME", str(place / "home"))

    def run(*arguments: str) -> tuple[int, str]:
        words = [*arguments, *(["--model", str(place / "model")] if arguments[0] == "run" else [])]
        result = CliRunner().invoke(app, words)
        if isinstance(result.exception, LongtakeError):
            raise result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


def valid(text: str, schema: str) -> dict:
    document = json.loads(text)
    jsonschema.validate(document, json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
    return document


def test_a_run_prints_what_timeline_prints_again(call, place):
    code, printed = call("run", str(place / "films" / "scene-1.mp4"), "--format", "json", "--fresh")
    run = valid(printed, "run")
    assert (code, run["frames_decoded"], run["frames_kept"], run["clips"], run["errors"]) == (0, 50, 25, 10, [])
    _, asked = call("timeline", "scene-1", "--format", "json")
    timeline = valid(asked, "timeline")
    assert timeline == {key: run[key] for key in timeline}


def test_a_folder_with_good_and_bad_files_reports_both(call, place):
    code, printed = call("run", str(place / "films"), "--format", "json", "--fresh")
    streams = {one["stream"]: one for one in valid(printed, "run")["streams"]}
    assert code == 1
    assert [bool(streams[name]["errors"]) for name in ("broken", "scene-1", "scene-2")] == [True, False, False]
    assert "cannot be read as a video" in streams["broken"]["errors"][0]


def test_a_range_holds_what_overlaps_it(call, place):
    call("run", str(place / "films" / "scene-1.mp4"), "--name", "ranged", "--fresh")
    whole = json.loads(call("timeline", "ranged", "--format", "json")[1])["segments"]
    part = json.loads(call("timeline", "ranged", "--since", "0:02", "--until", "3", "--format", "json")[1])["segments"]
    assert whole and part == [one for one in whole if one["start"] < 3 and one["end"] > 2]


def test_a_range_without_anything_is_answered_with_a_sentence(call, place):
    call("run", str(place / "films" / "scene-1.mp4"), "--name", "quiet", "--fresh")
    code, printed = call("timeline", "quiet", "--since", "0:09", "--until", "0:10")
    assert (code, printed) == (0, "quiet · 0:09–0:10: nothing; watched until 0:05\n")


def test_the_demo_suggests_a_question_that_has_an_answer(call, place):
    call("run", str(place / "films" / "scene-1.mp4"), "--name", "shown", "--fresh")
    with TimelineStore.open(None, place / "home") as store:
        suggested = narrower(store.timeline("shown")).split()
    assert suggested[::2] == ["--since", "--label"]
    assert json.loads(call("timeline", "shown", *suggested, "--format", "json")[1])["segments"]


@pytest.mark.parametrize("format", ["table", "json", "csv", "parquet"])
def test_every_format_goes_to_a_file(format, call, place, tmp_path):
    call("run", str(place / "films" / "scene-1.mp4"), "--name", "filed", "--fresh")
    code, printed = call("timeline", "filed", "--format", format, "-o", str(tmp_path / "out"))
    assert (code, printed) == (0, "")
    assert (tmp_path / "out").stat().st_size > 100


def test_a_start_time_moves_the_timeline_to_the_wall_clock(call, place):
    film = str(place / "films" / "scene-1.mp4")
    _, printed = call(
        "run", film, "--name", "dated", "--start-time", "2026-01-31T22:00:00Z", "--fresh", "--format", "json"
    )
    assert min(segment["start"] for segment in json.loads(printed)["segments"]) >= 1769896800


def test_a_recording_may_say_itself_when_it_began(call, place, tmp_path):
    film = tmp_path / "noted.mp4"
    options = {"container_options": {"movflags": "use_metadata_tags"}}
    with av.open(str(place / "films" / "scene-1.mp4")) as source, av.open(str(film), "w", **options) as sink:
        sink.metadata["creation_time"] = "2026-01-31T22:00:00Z"
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                sink.mux(packet)
    _, printed = call("run", str(film), "--start-time", "file", "--fresh", "--format", "json")
    assert 1769896800 <= min(segment["start"] for segment in json.loads(printed)["segments"]) < 1769896804
    with pytest.raises(UsageError, match="does not say when it began"):
        call("run", str(place / "films" / "scene-1.mp4"), "--start-time", "file")


def test_streams_are_listed_and_removed(call, place):
    call("run", str(place / "films" / "scene-2.mp4"), "--name", "gone", "--fresh")
    assert "gone" in call("streams", "ls")[1]
    call("streams", "rm", "gone")
    assert "gone" not in call("streams", "ls")[1]


def test_doctor_prints_its_document(call, place):
    code, printed = call("doctor", str(place / "films" / "scene-1.mp4"), "--format", "json")
    found = valid(printed, "doctor")
    assert (code, found["frames_decoded"], found["errors"]) == (0, 50, [])


def test_synth_writes_a_film_and_its_timeline(call, tmp_path):
    assert call("synth", str(tmp_path / "film.mp4"), "--seed", "5", "--duration", "2")[0] == 0
    assert valid((tmp_path / "film.json").read_text(), "timeline")["duration"] == 2
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_models_are_listed(call):
    (model,) = json.loads(call("models", "ls", "--format", "json")[1])["models"]
    assert model["name"] == "longtake-small" and "walk" in model["labels"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "nothing.mp4"], 1, "there is no file or directory 'nothing.mp4'"),
        (["run", "{empty}"], 1, "holds no videos; looked for .3gp .avi"),
        (["run", "ftp://host/film.mp4"], 2, "ftp:// cannot be read; give a path"),
        (["run", "{film}", "--name", "two words"], 2, "'two words' cannot name a stream"),
        (["run", "{film}", "--name", "a/b"], 2, "cannot name a stream"),
        (["run", "{film}", "--name", "{{a}}"], 2, "cannot name a stream"),
        (["run", "{film}", "--name", "x" * 300], 2, "(300 characters)"),
        (["run", "{film}", "--store", "redis://127.0.0.1:1"], 1, "does not answer"),
        (["run", "{film}", "--store", "http://x"], 2, "allowed are redis://"),
        (["run", "{film}", "--start-time", "soon"], 2, "'soon' is not a time"),
        (["run", "{film}", "{film}", "--name", "one"], 2, "--name names one stream, these are 2 sources"),
        (["run", "{film}", "{film}", "--format", "csv"], 2, "csv holds one timeline, these are 2"),
        (["timeline", "nobody"], 2, "there is no stream 'nobody'"),
        (["timeline", "nobody", "--min-score", "1.5"], 2, "--min-score must lie between 0 and 1, got 1.5"),
        (["timeline", "nobody", "--since", "2m", "--until", "0:0x"], 2, "'0:0x' is not a time"),
        (["timeline", "nobody", "--since", "0:20", "--until", "10"], 2, "before --until, got 0:20 and 10"),
        (["train", "--budget", "soon"], 2, "'soon' is not a duration; write 90s, 45m, 2h or 7d"),
        (["streams", "rm", "nobody"], 2, "there is no stream 'nobody'"),
        (["doctor", "nothing.mp4"], 1, "there is no file or directory"),
        (["evaluate", "--data", "synthetic://seeds=a"], 2, "seeds are numbers or ranges"),
        (["train", "--recipe", "nothing"], 2, "unknown recipe 'nothing'; choose one of longtake-small"),
    ],
)
def test_bad_input_gets_a_sentence_and_an_exit_code(arguments, code, sentence, call, place, tmp_path):
    words = [word.format(film=place / "films" / "scene-1.mp4", empty=tmp_path) for word in arguments]
    with pytest.raises(LongtakeError) as raised:
        exit_code, printed = call(*words)
        raise AssertionError(f"exit code {exit_code}: {printed}")
    assert sentence in str(raised.value)
    assert raised.value.exit_code == code


def test_a_wrong_synthetic_scene_is_a_failed_stream_with_the_reason(call):
    code, printed = call("run", "synthetic://sed=3", "--name", "typo", "--format", "json")
    assert code == 2
    assert "sed" in json.loads(printed)["errors"][0] and "seed" in json.loads(printed)["errors"][0]


def test_a_damaged_model_is_refused_before_anything_is_written(call, place, tmp_path):
    damaged = shutil.copytree(place / "model", tmp_path / "damaged")
    card = json.loads((damaged / "model.json").read_text())
    (damaged / "model.json").write_text(json.dumps(card | {"name": "another"}))
    with pytest.raises(LongtakeError, match="fingerprint"):
        CliRunner().invoke(
            app, ["run", str(place / "films" / "scene-1.mp4"), "--model", str(damaged)], catch_exceptions=False
        )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("flow:\n  lane:\n    que: 3", "unknown key 'flow.lane.que'; choose from commit_every_s, forget_s, in_flight"),
        ("flwo: {}", "unknown key 'flwo'; choose from alerts, api, flow, ray"),
        ("flow:\n  decode_threads: 0", "flow.decode_threads"),
        ("[", "is not YAML"),
    ],
)
def test_a_wrong_config_names_the_key_and_the_choices(text, complaint, call, place, tmp_path):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UsageError, match=complaint):
        call("run", str(place / "films" / "scene-1.mp4"), "--config", str(tmp_path / "config.yaml"))


def test_the_published_schema_of_the_config_is_the_real_one():
    published = json.loads((SCHEMAS / "config.schema.json").read_text())
    assert {key: value for key, value in published.items() if key != "$schema"} == Config.model_json_schema()


def test_an_unknown_option_is_wrong_usage():
    assert CliRunner().invoke(app, ["run", "x.mp4", "--modle", "y"]).exit_code == 2


def test_an_error_is_one_sentence_on_standard_error(tmp_path):
    command = [sys.executable, "-m", "longtake", "run", "rtsp://user:secret@127.0.0.1:1/cam"]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LONGTAKE_HOME": str(tmp_path)})
    assert result.returncode == 1
    assert "127.0.0.1" in result.stderr and "Traceback" not in result.stderr
    assert "secret" not in result.stderr + result.stdout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1:30", 90), ("2:00:01.5", 7201.5), ("1970-01-01T00:01:00Z", 60), ("1970-01-01 01:01:00+01:00", 60)],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "soon", ""])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "stands_at", "seconds"),
    [
        ("90", 40.0, 90),
        ("0:30", 40.0, 30),
        ("10s", 40.0, 30),
        ("10s ago", 40.0, 30),
        ("17:40", 3600.0, 17 * 60 + 40),
        ("17:40", 1769896800.0, 1769896800 - (4 * 60 + 20) * 60),
        ("23:50", 1769896800.0, 1769896800 - (22 * 60 + 10) * 60),
        ("17:40:05.5", 1769896800.0, 1769896800 - (4 * 60 + 20) * 60 + 5.5),
        ("1.5h", 1769896800.0, 1769896800 - 5400),
        ("2d ago", 1769896800.0, 1769896800 - 172_800),
        ("2026-01-31T21:00", 1769896800.0, 1769896800 - 3600),
    ],
)
def test_a_range_may_be_told_from_where_the_stream_stands(text, stands_at, seconds):
    assert parse_bound(text, stands_at) == seconds


def test_a_day_has_24_hours():
    with pytest.raises(UsageError, match="'24:00' is no time of day"):
        parse_bound("24:00", 1769896800.0)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("7d", 604_800)])
def test_durations_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds
