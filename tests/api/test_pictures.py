"""`latest.jpg`: a picture with its time, or a sentence why there is none."""

from collections.abc import Callable

import pytest
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


@pytest.mark.parametrize(
    ("pictures", "why"), [(lambda _: None, "nobody watches 'door' now"), (None, "longtake serve has them")]
)
def test_where_there_is_none_a_sentence_says_why(
    store: TimelineStore, pictures: Callable[[str], Picture | None] | None, why: str
) -> None:
    answer = asked(store, "door", pictures)
    assert answer.status_code == 503 and why in answer.json()["detail"] and answer.headers["retry-after"]


def test_a_stream_that_is_not_there_has_no_picture(store: TimelineStore) -> None:
    assert asked(store, "nope", lambda _: Picture(b"", 0.0)).status_code == 404
