"""`longtake serve` as a person with curl meets it: ready, told of a stream, watching it, and letting go of it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.actors.scraped import free_port
from tests.longtake.served import Served

CONFIG = """
ray: {threads_per_worker: 1, object_store_bytes: 100000000}
"""
SCENE = {"name": "scene", "uri": "synthetic://seed=3&people=1&duration=3600", "realtime": True}


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Served, httpx.Client]]:
    port = free_port()
    served = Served(tmp_path, CONFIG, "", arguments=["--http-port", str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield served, client
    finally:
        served.end()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_stream_is_added_watched_and_removed_over_http(served):
    everything, client = served

    def answers(path: str) -> int:
        try:
            return client.get(path).status_code
        except httpx.ConnectError:
            return 0

    everything.until(lambda: answers("/readyz") == 200, 120)
    assert client.post("/api/streams", json=SCENE).status_code == 201
    everything.until(lambda: (client.get("/api/streams/scene").json()["until"] or 0) > 2, 120)
    shown = client.get("/api/streams/scene").json()
    assert (shown["state"], shown["wanted"], shown["recording"]) == ("running", "run", True) and shown["host"]
    assert client.get("/api/scores?stream=scene").status_code == 200, "the model is known by its pool"
    (model,) = client.get("/api/models").json()["models"]
    assert model["workers"] == 1 and model["streams"] == 1
    assert client.delete("/api/streams/scene").status_code == 204
    assert client.get("/api/streams").json() == {"streams": []}
    assert "page      http://127.0.0.1" in everything.said()
