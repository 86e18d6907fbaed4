"""What lies around the routes: health, metrics, documents, errors, other sites."""

import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

import longtake
from longtake.api.app import create_app
from longtake.api.counting import exposition
from longtake.api.handbook import handbook
from longtake.api.settings import ApiSettings, Backend
from pipeline.control.board import Board
from pipeline.errors import EngineError
from tests.api.conftest import HERE

LOADED = """
import sys
import longtake.web, longtake.api.app
print(*{"torch", "ray", "pyarrow", "duckdb"} & set(sys.modules))
"""

ASKS = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}


def counted(name: str, **labels: str) -> float:
    families = text_string_to_metric_families(exposition().decode())
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(one.value for one in samples if labels.items() <= one.labels.items())


def test_it_is_well_and_says_which_version_it_is(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/api/version").json() == {"name": "longtake", "version": longtake.__version__}


def test_who_serves_is_ready_when_a_supervisor_leads(store):
    app = create_app(Backend(store, serves=True))
    with TestClient(app, base_url=HERE) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        Board(store).lead("somebody", 60)
        assert client.get("/readyz").status_code == 200
        Board(store).resign("somebody")
    app.state.hub.close()


def test_requests_are_counted_by_route_and_never_by_path(client):
    labels = {"route": "/api/streams/{name}", "method": "GET", "status": "404"}
    before, nowhere = counted("longtake_api_requests_total", **labels), {"route": "(none)"}
    strangers = counted("longtake_api_requests_total", **nowhere)
    for n in range(5):
        client.get(f"/api/streams/nobody-{n}")
        client.request("BREW", f"/coffee/{n}")
    assert counted("longtake_api_requests_total", **labels) == before + 5
    assert counted("longtake_api_requests_total", **nowhere) == strangers + 5
    assert counted("longtake_api_request_seconds_count", route="/api/streams/{name}") >= 5
    assert "nobody-" not in client.get("/metrics").text and "coffee" not in client.get("/metrics").text


def test_every_operation_is_in_the_document_and_says_how_it_may_fail(client):
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"] and operation["tags"], (method, path)
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    (content,) = answer["content"].items()
                    assert content == ("application/json", {"schema": {"$ref": "#/components/schemas/Fault"}})


def test_the_handbook_shows_every_operation_and_loads_nothing_from_elsewhere(client):
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page
    assert "http" not in page.replace("HTTP", "") and "<script" not in page


def test_the_handbook_takes_text_as_text():
    responses = {"200": {"description": "<b>"}}
    about = {"description": "<script>", "responses": responses}
    page = handbook({"info": {"title": "t", "version": "1", "description": "d"}, "paths": {"/<i>": {"get": about}}})
    assert "<script>" not in page and "<b>" not in page and "&lt;i&gt;" in page


def test_the_page_is_asked_for_again_each_time(client):
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html") and answer.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/../config.py", "/%2e%2e/config.py", "/..%2f..%2fpyproject.toml", "//etc/passwd", "/%00"]
)
def test_the_page_has_only_its_own_files(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 and "there is nothing" in answer.json()["detail"]


class TestUnexpected:
    @pytest.fixture
    def broken(self, store):
        app = create_app(Backend(store))
        routes = list(app.router.routes)

        @app.get("/api/broken")
        def broken(kind: str) -> None:
            raise EngineError("no worker") if kind == "ours" else ValueError("of rtsp://joe:hunter2@cam/1")

        app.router.routes[:] = [app.router.routes[-1], *routes]  # before the page, which takes every path
        with TestClient(app, base_url=HERE) as client:
            yield client
        app.state.hub.close()

    def test_what_nobody_expected_is_a_sentence_and_a_line_in_the_log_without_secrets(self, broken, capfd):
        answer = broken.get("/api/broken?kind=foreign")
        assert answer.status_code == 500
        assert answer.json() == {"detail": "this failed (ValueError); the server's log says more"}
        said = capfd.readouterr().err
        assert "rtsp://***@cam/1" in said and "Traceback" in said and "hunter2" not in said

    def test_another_error_of_ours_says_what_it_says(self, broken):
        answer = broken.get("/api/broken?kind=ours")
        assert (answer.status_code, answer.json()) == (500, {"detail": "no worker"})


class TestOtherSites:
    def test_by_default_they_may_not_ask(self, client):
        answer = client.get("/api/labels", headers={"Origin": "https://other.example"})
        assert not any(name.startswith("access-control") for name in answer.headers)

    def test_those_that_are_named_may(self, store):
        app = create_app(Backend(store, ApiSettings(cors_origins=("https://other.example",))))
        with TestClient(app, base_url=HERE) as client:
            assert client.options("/api/labels", headers=ASKS).status_code == 200
            answer = client.get("/api/labels", headers={"Origin": "https://other.example"})
            assert answer.headers["access-control-allow-origin"] == "https://other.example"
            stranger = client.options("/api/labels", headers=ASKS | {"Origin": "https://evil.example"})
            assert stranger.status_code == 400
        app.state.hub.close()


@pytest.mark.slow
def test_answering_loads_neither_torch_nor_ray_nor_arrow():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
