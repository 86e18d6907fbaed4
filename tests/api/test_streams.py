"""`/api/streams`: what is told of streams, and wishing for them."""

import shutil
import threading

import pytest
from fastapi.testclient import TestClient

from longtake.api.app import create_app
from longtake.api.settings import ApiSettings, Backend
from pipeline.control.board import Board
from pipeline.control.records import Ending
from tests.api.conftest import HERE
from tests.api.content import DOOR_SOURCE, Watched, write
from tests.decode.films import film, steady


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "scene.mp4"
    film(path, steady(10))
    return path


@pytest.fixture(scope="module")
def operator(store, video):
    """An API that may add files of one folder."""
    app = create_app(Backend(store, ApiSettings(files=(str(video.parent),), variables=("CAMERA_PASSWORD",))))
    with TestClient(app, base_url=HERE) as opened:
        yield opened
    app.state.hub.close()


@pytest.fixture
def board(store):
    return Board(store)


@pytest.fixture
def added(operator, board):
    """Add streams that are gone afterwards."""
    names = []

    def add(name, uri="rtsp://10.0.0.3/1", status=201, **fields):
        answer = operator.post("/api/streams", json={"name": name, "uri": uri, **fields})
        assert answer.status_code == status, answer.text
        if status == 201:
            names.append(name)
        return answer.json()

    yield add
    for name in names:
        operator.delete(f"/api/streams/{name}")


class TestTold:
    def test_a_running_camera_shows_what_it_sees_and_no_secret(self, client):
        door = next(one for one in client.get("/api/streams").json()["streams"] if one["name"] == "door")
        assert door["open"] == [{"label": "sit", "start_time": 300.0, "score": 0.7}]
        assert (door["state"], door["clock"], door["recording"], door["since"], door["until"]) == (
            "running",
            "camera",
            False,
            0.0,
            320.0,
        )
        assert door["source"] == "rtsp://***@camera/1" and "hunter2" not in client.get("/api/streams").text
        assert "hunter2" in DOOR_SOURCE

    def test_a_recording_that_has_ended_says_so(self, client):
        dock = client.get("/api/streams/dock-1").json()
        assert (dock["state"], dock["recording"], dock["wanted"], dock["position"]) == ("ended", True, None, [0, 0])
        assert dock["playable"] is False, "its file is not on this machine"

    def test_a_stream_that_is_not_there_is_told_of_in_a_sentence(self, client):
        answer = client.get("/api/streams/nobody")
        assert answer.status_code == 404 and "no stream 'nobody'" in answer.json()["detail"]

    @pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "%00", "a/../../x", "x" * 5000, "<script>"])
    def test_a_name_that_is_a_path_or_nonsense_is_no_stream(self, client, name):
        assert client.get(f"/api/streams/{name}").status_code == 404

    def test_why_a_stream_fails_and_when_it_is_tried_again(self, operator, added, board):
        added("broken")
        board.lead("somebody", 60)
        generation = board.wish("broken").generation
        board.assign("broken", "host-1", generation)
        board.note(Ending("broken", "host-1", generation, "failed", error="rtsp://user:pw@10.0.0.3/1 refused"))
        broken = operator.get("/api/streams/broken").json()
        board.resign("somebody")
        assert (broken["state"], broken["error"]) == ("failed", "rtsp://***@10.0.0.3/1 refused")
        assert 0 < broken["retry"] <= 1


class TestWishing:
    def test_an_added_stream_is_wished_for_as_it_was_described(self, added, board):
        told = added("cam", policy="drop_oldest", fps=2, start_time="1:30", paused=True, model="longtake-small")
        assert (told["wanted"], told["state"], told["policy"], told["fps"]) == ("paused", "paused", "drop_oldest", 2.0)
        wish = board.wish("cam")
        assert (wish.uri, wish.start_time_s, wish.model) == ("rtsp://10.0.0.3/1", 90.0, "longtake-small")

    def test_a_name_that_is_taken_is_a_conflict(self, added):
        added("cam")
        assert "is there already" in added("cam", status=409)["detail"]

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"name": "no spaces"}, "name must match pattern"),
            ({"uri": ""}, "uri must have at least 1 character"),
            ({"uri": "gopher://host/x"}, "gopher:// cannot be read"),
            ({"uri": "rtsp://[::1"}, "names no host"),
            ({"uri": "/etc/passwd"}, "not in a folder that may be read"),
            ({"uri": "rtsp://127.0.0.1/1"}, "this machine itself"),
            ({"uri": "rtsp://${HOME}@cam/1"}, "may not be named here"),
            ({"fps": 0}, "fps must be greater than 0"),
            ({"policy": "hurry"}, "policy must be 'wait', 'drop_oldest' or 'drop_latest'"),
            ({"model": "/some/where"}, "unknown model '/some/where'; choose one of longtake-small"),
            ({"start_time": "soon"}, "'soon' is not a time"),
            ({"colour": "red"}, "unknown name 'colour'"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_added(self, operator, board, fields, told):
        answer = operator.post("/api/streams", json={"name": "cam", "uri": "rtsp://10.0.0.3/1"} | fields)
        assert answer.status_code == 422 and told in answer.json()["detail"]
        assert not board.wishes()

    def test_a_password_in_a_refused_uri_is_not_said_again(self, operator):
        answer = operator.post("/api/streams", json={"name": "cam", "uri": ["rtsp://joe:hunter2@cam/1"]})
        assert answer.status_code == 422 and "hunter2" not in answer.text

    def test_pausing_changing_and_restarting(self, operator, added, board):
        added("cam")
        first = board.wish("cam").generation
        assert operator.patch("/api/streams/cam", json={"paused": True}).json()["wanted"] == "paused"
        changed = operator.patch("/api/streams/cam", json={"paused": False, "fps": 4, "uri": "rtsp://10.0.0.4/1"})
        assert (changed.json()["fps"], changed.json()["source"]) == (4.0, "rtsp://10.0.0.4/1")
        assert operator.patch("/api/streams/cam", json={"fps": None}).json()["fps"] is None
        before = board.wish("cam")
        assert operator.patch("/api/streams/cam", json={"restart": True}).status_code == 200
        assert board.wish("cam").generation > before.generation > first and board.wish("cam").same_wish(before)

    def test_a_change_that_changes_nothing_is_refused(self, operator, added):
        added("cam")
        answer = operator.patch("/api/streams/cam", json={})
        assert answer.status_code == 422 and "paused, uri, policy, model, fps, restart" in answer.json()["detail"]

    def test_what_nobody_wished_for_cannot_be_changed_but_removed(self, operator, store):
        write(store, Watched("left", "/films/left.mp4", [("fall", 1.0, 2.0, 0.9)]))
        answer = operator.patch("/api/streams/left", json={"paused": True})
        assert answer.status_code == 409 and "only has a timeline" in answer.json()["detail"]
        assert operator.delete("/api/streams/left").status_code == 204
        assert "left" not in store.names() and operator.get("/api/streams/left").status_code == 404

    def test_who_changes_a_stream_wakes_the_supervisor(self, added, board):
        woken = threading.Event()
        waiting = threading.Thread(target=lambda: woken.set() if board.poked(10) else None)
        waiting.start()
        added("cam")
        waiting.join()
        assert woken.is_set()

    @pytest.mark.parametrize("body", [b" " * 80_000, [b" " * 40_000] * 2], ids=["announced", "chunked"])
    def test_a_body_that_is_too_large_is_refused(self, operator, body):
        content = body if isinstance(body, bytes) else iter(body)
        answer = operator.post("/api/streams", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413 and "64 KiB" in answer.json()["detail"]

    @pytest.mark.parametrize("body", [b"", b"{", b"[" * 30_000, b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"null"])
    def test_what_is_no_json_is_refused_in_a_sentence(self, operator, body):
        answer = operator.post("/api/streams", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422) and isinstance(answer.json()["detail"], str)


class TestRecordings:
    def test_a_recording_is_played_from_anywhere_in_it(self, operator, added, video):
        assert added("film", str(video))["playable"]
        whole = operator.get("/api/streams/film/video")
        assert whole.content == video.read_bytes() and whole.headers["content-type"] == "video/mp4"
        part = operator.get("/api/streams/film/video", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])

    def test_a_range_behind_its_end_is_refused_as_everything_is(self, operator, added, video):
        added("film", str(video))
        answer = operator.get("/api/streams/film/video", headers={"Range": "bytes=99999999-"})
        assert answer.status_code == 416 and isinstance(answer.json()["detail"], str)

    def test_what_is_no_video_is_not_sent_whatever_it_is_called(self, operator, added, video):
        secret = video.parent / "passwords.mp4"
        secret.write_text("root:hunter2\n")
        shutil.copy(secret, video.parent / "art.nfo")  # FFmpeg would draw its letters
        for path in (secret, video.parent / "art.nfo", video.parent / "gone.mp4"):
            added(path.stem, str(path))
            answer = operator.get(f"/api/streams/{path.stem}/video")
            assert answer.status_code == 404 and "hunter2" not in answer.text

    def test_a_camera_has_no_recording(self, client):
        assert "no recording" in client.get("/api/streams/door/video").json()["detail"]
