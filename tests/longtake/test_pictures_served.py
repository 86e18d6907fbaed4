"""`latest.jpg` from the real thing: hosts that decode, an API that asks them by name, pictures that are of now."""

from collections.abc import Iterator

import cv2
import httpx
import numpy as np
import pytest

from longtake import wishing
from tests.actors.scraped import free_port
from tests.decode.films import film, steady
from tests.longtake.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CONFIG = """
flow: {source: {isolated: true}}
ray:
  threads_per_worker: 1
  object_store_bytes: 100000000
streams:
  scene: {uri: "synthetic://seed=3&people=1&duration=3600", realtime: true}
  film: {uri: "${TEST_CAMERA}", realtime: true}
  asleep: {uri: "synthetic://seed=4&duration=60", paused: true}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, httpx.Client]]:
    home, port = tmp_path_factory.mktemp("pictures"), free_port()
    numbered = film(home / "film.mp4", steady(500, rate=2.5), size=(540, 960), options={"preset": "ultrafast"})
    served = Served(home, CONFIG, str(numbered), arguments=["--http-port", str(port)])
    try:
        served.until(served.watched("scene", "film"), 120)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield served, client
    finally:
        served.end()


def shown(client: httpx.Client, stream: str) -> tuple[np.ndarray, float]:
    answer = client.get(f"/api/streams/{stream}/latest.jpg")
    assert answer.status_code == 200, answer.text
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    return picture, float(answer.headers["x-longtake-time"])


@pytest.mark.parametrize("stream", ["scene", "film"])
def test_a_stream_shows_what_it_sees_now(served: tuple[Served, httpx.Client], stream: str) -> None:
    everything, client = served
    first, first_s = shown(client, stream)
    assert stream != "film" or first.shape == (360, 640, 3)
    assert first.std() > 1, "not one colour"
    assert abs(first_s - everything.answered_s(stream)) < 30
    everything.until(lambda: shown(client, stream)[1] > first_s)


def test_where_nobody_watches_there_is_no_picture(served: tuple[Served, httpx.Client]) -> None:
    everything, client = served
    assert client.get("/api/streams/asleep/latest.jpg").status_code == 503
    assert client.get("/api/streams/nope/latest.jpg").status_code == 404
    wishing.change(everything.board, "scene", paused=True)
    everything.until(lambda: client.get("/api/streams/scene/latest.jpg").status_code == 503)
