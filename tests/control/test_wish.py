"""A wish keeps its secrets, says what is wrong with it, and comes back from JSON as it was."""

import json

import pytest

from pipeline.control.wish import KINDS, Wish, absolute, check_kind, from_json, kind_of, to_json
from pipeline.errors import StoreVersion, UsageError
from pipeline.source.names import SCHEMES

CAMERA = "rtsp://${USER}:${PASSWORD}@camera/1"


def test_a_wish_comes_back_from_json_as_it_was():
    wish = Wish("cam1", CAMERA, "drop_latest", "small", 2.5, 1e9, paused=True, generation=7)
    assert from_json(to_json(wish), 7) == wish


def test_a_wish_of_another_version_is_refused():
    text = json.dumps(json.loads(to_json(Wish("cam1", "a.mp4"))) | {"version": 99})
    with pytest.raises(StoreVersion, match="another version"):
        from_json(text, 1)


def test_secrets_are_taken_from_the_environment_and_never_shown():
    wish = Wish("cam1", CAMERA)
    assert wish.resolved_uri({"USER": "me", "PASSWORD": "secret"}) == "rtsp://me:secret@camera/1"
    assert "PASSWORD" not in repr(wish)


def test_every_missing_variable_is_named():
    with pytest.raises(UsageError, match="'cam1' needs USER, PASSWORD"):
        Wish("cam1", CAMERA).resolved_uri({"HOME": "/"})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"stream": "two words"}, "cannot name a stream"),
        ({"uri": ""}, "has no URI"),
        ({"policy": "drop"}, "unknown policy 'drop'; choose one of wait, drop_oldest, drop_latest"),
        ({"fps": 0}, "0 to 240 times a second"),
        ({"fps": 241}, "0 to 240 times a second"),
        ({"start_time_s": float("nan")}, "a start time is a number"),
    ],
)
def test_what_is_wrong_is_said(fields, complaint):
    with pytest.raises(UsageError, match=complaint):
        Wish(**{"stream": "cam1", "uri": "a.mp4", **fields})


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("a.mp4", "file"),
        ("file:///a.mp4", "file"),
        ("/dev/video0", "device"),
        ("RTSP://camera/1", "rtsp"),
        ("synthetic://seed=1", "synthetic"),
        ("${CAMERA}", None),
    ],
)
def test_the_kind_of_a_source_is_told_by_its_uri(uri, kind):
    assert kind_of(uri) == kind


@pytest.mark.parametrize("uri", ["a.mp4", "file:///etc/passwd", "/dev/video0"])
def test_a_kind_that_is_not_allowed_is_refused_with_the_choices(uri):
    with pytest.raises(UsageError, match=r"not allowed here .* allowed are rtsp, synthetic"):
        check_kind(uri, ["rtsp", "synthetic"])


def test_a_scheme_nobody_reads_is_refused():
    with pytest.raises(UsageError, match="ftp:// cannot be read"):
        check_kind("ftp://host/a", ["file"])


def test_paths_become_absolute_and_directories_are_no_stream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("a.mp4") == str(tmp_path / "a.mp4")
    assert absolute("file:///films/a%20b.mp4") == "/films/a b.mp4"
    assert absolute(CAMERA) == CAMERA
    with pytest.raises(UsageError, match="is a directory"):
        absolute(str(tmp_path))


def test_wishes_are_the_same_whatever_their_generation_and_pause():
    wish = Wish("cam1", "a.mp4")
    assert wish.same_wish(Wish("cam1", "a.mp4", paused=True, generation=5))
    assert not wish.same_wish(Wish("cam1", "b.mp4"))


def test_everything_that_can_be_read_can_be_allowed():
    assert ("file", "device", *SCHEMES) == KINDS
