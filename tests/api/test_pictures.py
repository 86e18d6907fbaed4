"""`latest.jpg`: a picture with its time, or a sentence why there is none."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from httpx import Response

from actors.pictures import Picture
from longtake.api.app import create_app
from longtake.api.settings import Backend
from pipeline.timeline.store import TimelineStore
from tests.api.conftest import HERE


def asked(store: TimelineStore, stream: str, pictures: Callable[[str], Picture | None] | None) -> Response:
    return TestClient(create_app(Backend(store, pictures=pictures)), base_url=HERE).get(
        f"/api/streams/{stream}/latest.jpg"
    )


def test_a_picture_comes_with_its_time_and_is_not_kept(store: TimelineStore) -> None:
    answer = asked(store, "door", lambda stream: Picture(f"jpeg of {stream}".encode(), 12.3456))
    assert (answer.status_code, answer.content) == (200, b"jpeg of door")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-longtake-time"] == "12.346" and answer.headers["cache-control"] == "no-store"


def test_where_there_is_none_now_a_sentence_says_why_and_when_to_ask_again(store: TimelineStore) -> None:
    answer = asked(store, "door", lambda _: None)
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert "nobody watches 'door' now" in answer.json()["detail"]


def test_who_watches_nothing_has_no_pictures_at_all(store: TimelineStore) -> None:
    answer = asked(store, "door", None)
    assert answer.status_code == 404 and "longtake serve has them" in answer.json()["detail"]


def test_a_stream_that_is_not_there_has_no_picture(store: TimelineStore) -> None:
    assert asked(store, "nope", lambda _: Picture(b"", 0.0)).status_code == 404
