"""The config of `longtake serve`: all mistakes at once, each with its line."""

from itertools import takewhile
from pathlib import Path

import pytest

from longtake.config import Config, load
from pipeline.errors import UsageError

GOOD = """
serve:
  streams_per_host: 3
streams:
  dock:
    uri: rtsp://${DOCK_USER}:${DOCK_PASSWORD}@dock/1
    policy: drop_oldest
    fps: 2.5
  ward:
    uri: /films/ward.mp4
    start_time: 2026-01-31T22:00:00Z
    paused: true
"""

WRONG = """flow:
  decode_threads: 0
serve:
  streams_per_hosts: 3
  allowed_schemes: [rtsp, synthetic]
streams:
  dock:
    uri: rtsp://${DOCK_USER}:${DOCK_PASSWORD}@dock/1
    polcy: wait
  film:
    uri: /films/a.mp4
  two words:
    uri: synthetic://seed=1
    model: nobody
  twice:
    uri: synthetic://seed=1
    fps: fast
    start_time: soon
  twice:
    uri: synthetic://seed=2
  none: {}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "longtake.yaml"
    path.write_text(text)
    return path


def test_streams_become_wishes_with_their_secrets_unresolved(tmp_path):
    config = load(written(tmp_path, GOOD), {"DOCK_USER": "me", "DOCK_PASSWORD": "secret"})
    dock, ward = (config.streams[name].wish(name) for name in ("dock", "ward"))
    assert (dock.uri, dock.policy, dock.fps) == ("rtsp://${DOCK_USER}:${DOCK_PASSWORD}@dock/1", "drop_oldest", 2.5)
    assert (ward.uri, ward.start_time_s, ward.paused) == ("/films/ward.mp4", 1769896800.0, True)
    assert config.serve.streams_per_host == 3 and "secret" not in repr(config)


def test_every_mistake_is_named_with_its_line(tmp_path):
    with pytest.raises(UsageError) as raised:
        load(written(tmp_path, WRONG), {"DOCK_USER": "me"})
    said = [line.strip() for line in str(raised.value).splitlines()[1:]]
    expected = [
        "line 2: flow.decode_threads must be greater than or equal to 1, got 0",
        "line 4: unknown key 'serve.streams_per_hosts'; choose from allowed_schemes, ",
        "line 8: streams.dock.uri: missing in the environment: DOCK_PASSWORD",
        "line 9: unknown key 'streams.dock.polcy'; choose from fps, model, paused, policy, realtime, start_time, uri",
        "line 11: streams.film.uri: file:// is not allowed here (serve.allowed_schemes); allowed are rtsp, synthetic",
        "line 12: streams.two words: 'two words' cannot name a stream",
        "line 14: streams.two words.model: unknown model 'nobody'; choose one of longtake-small",
        "line 19: 'streams.twice' is there twice, first on line 15",
        "line 21: streams.none.uri is missing",
    ]
    assert [line[: len(start)] for line, start in zip(said, expected, strict=True)] == expected


def test_a_published_model_is_known_by_its_name_wherever_its_weights_are(tmp_path):
    text = "streams:\n  cam:\n    uri: synthetic://seed=1\n    model: torchvision/mvit_v2_s\n"
    assert load(written(tmp_path, text)).streams["cam"].model == "torchvision/mvit_v2_s"


def test_values_of_a_wrong_kind_are_named_with_their_lines(tmp_path):
    text = "streams:\n  cam:\n    uri: synthetic://seed=1\n    fps: fast\n    start_time: soon\n"
    with pytest.raises(
        UsageError,
        match=r"line 4: streams.cam.fps must be a number, got 'fast'\n.*line 5: streams.cam.start_time: 'soon'",
    ):
        load(written(tmp_path, text))


def test_the_complete_config_of_the_docs_is_right(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "control.md").read_text()
    _, _, rest = page.partition("## A complete longtake.yaml\n\n")
    text = "\n".join(line[4:] for line in takewhile(lambda line: line.startswith("    "), rest.splitlines()))
    config = load(written(tmp_path, text), {"CAMERA_USER": "me", "CAMERA_PASSWORD": "secret"})
    assert (str(config.flow.log.folder), config.serve.pool.max) == ("lanes", 2)
    assert set(config.streams) == {"door", "yard", "dock"}


def test_variables_are_not_looked_for_where_nothing_is_served(tmp_path):
    assert load(written(tmp_path, GOOD)).streams["dock"].uri.startswith("rtsp://${DOCK_USER}")


@pytest.mark.parametrize("text", ["", "streams:\n", "streams: {}\n"])
def test_nothing_is_a_config_too(text, tmp_path):
    assert load(written(tmp_path, text)) == Config()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"no.yaml cannot be read: No such file or directory$"),
        (b"a: [1", r"no.yaml is not YAML:\n  line 1: expected ',' or '\]'"),
        (b"a: \xff", r"no.yaml cannot be read: it is not UTF-8 text$"),
    ],
)
def test_what_cannot_be_read_is_named_once(content, sentence, tmp_path):
    path = tmp_path / "no.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=sentence) as raised:
        load(path)
    assert str(raised.value).count("no.yaml") == 1


@pytest.mark.parametrize("text", ["- a\n", "just words\n"])
def test_what_is_no_mapping_is_wrong(text, tmp_path):
    with pytest.raises(UsageError, match="line 1"):
        load(written(tmp_path, text))
