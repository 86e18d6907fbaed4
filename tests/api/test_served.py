"""The API over a real socket: its store goes away and comes back, clients are slow, ports are taken."""

import socket
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import httpx
import pytest
from typer.testing import CliRunner

from longtake import web
from longtake.api import serving as module
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from longtake.cli import app
from pipeline.errors import StoreDown, UsageError
from pipeline.timeline.store import TimelineStore
from tests.api.content import fill
from tests.timeline.servers import TcpServer, free_port, wait_for


@pytest.fixture(scope="module")
def redis(tmp_path_factory) -> Iterator[TcpServer]:
    server = TcpServer(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def url(redis, tmp_path_factory) -> Iterator[str]:
    with TimelineStore.open(redis.url, tmp_path_factory.mktemp("home")) as store:
        fill(store)
        with serving(Backend(store, ApiSettings(port=0))) as served:
            yield served


def address(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    return parsed.host, parsed.port or 80


def ended(client: socket.socket) -> bytes:
    """What the server still says until it ends the connection."""
    client.settimeout(10)
    said = b""
    try:
        while piece := client.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def test_a_store_that_is_away_is_told_of_and_comes_back_by_itself(url, redis):
    assert httpx.get(f"{url}/api/timeline").status_code == 200
    redis.kill()
    for path in ("/api/timeline", "/api/streams", "/api/labels", "/readyz"):
        answer = httpx.get(url + path, timeout=20)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), answer.text
        assert "detail" in answer.json()
    assert httpx.get(f"{url}/healthz").status_code == 200
    redis.start()
    wait_for(lambda: httpx.get(f"{url}/readyz", timeout=20).status_code == 200, "the API is ready again")
    assert httpx.get(f"{url}/api/timeline").json()["segments"]


def test_a_request_that_does_not_end_is_broken_off(url, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_S", 0.2)
    for beginning in (
        b"GET /healthz HT",
        b"POST /api/streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{",
    ):
        with socket.create_connection(address(url)) as client:
            client.sendall(beginning)
            ended(client)


def test_a_connection_serves_many_requests_however_slow_the_first_was_read(url, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_S", 5.0)
    with httpx.Client(base_url=url) as client:
        assert [client.get("/api/version").status_code for _ in range(3)] == [200, 200, 200]


def test_an_answer_that_nobody_reads_is_broken_off(url, monkeypatch):
    monkeypatch.setattr(module, "READ_S", 0.2)
    gone = threading.Event()
    lost = module.PatientProtocol.connection_lost
    monkeypatch.setattr(module.PatientProtocol, "connection_lost", lambda self, error: (lost(self, error), gone.set()))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address(url))
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        threading.Thread(target=lambda: _send_for_ever(client, asked, gone), daemon=True).start()
        assert gone.wait(30), "the server still waits for its client"


def _send_for_ever(client: socket.socket, asked: bytes, gone: threading.Event) -> None:
    try:
        while not gone.is_set():
            client.sendall(asked)
    except OSError:
        return


def test_headers_without_an_end_are_refused(url):
    with socket.create_connection(address(url)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000)
        assert b"400" in ended(client).split(b"\r\n")[0]


def test_an_answer_is_not_held_back_until_its_head_is_received(url, monkeypatch):
    made, at_once = module.PatientProtocol.connection_made, []

    def connection_made(self, transport):
        at_once.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(self, transport)

    monkeypatch.setattr(module.PatientProtocol, "connection_made", connection_made)
    httpx.get(f"{url}/healthz")
    assert at_once and all(at_once)


def test_a_port_that_is_taken_is_told_of(url, redis, tmp_path):
    with TimelineStore.open(redis.url, tmp_path) as store:
        settings = ApiSettings(port=address(url)[1])
        with (
            pytest.raises(UsageError, match=r"\(Address already in use\); give another port"),
            serving(Backend(store, settings)),
        ):
            pytest.fail("served twice")


def test_an_address_of_elsewhere_is_told_of(redis, tmp_path):
    with TimelineStore.open(redis.url, tmp_path) as store:
        settings = ApiSettings(host="192.0.2.1", port=0)
        with pytest.raises(UsageError, match=r"192\.0\.2\.1"), serving(Backend(store, settings)):
            pytest.fail("served elsewhere")


def test_web_serves_what_is_stored_until_it_is_told_to_stop(redis, monkeypatch):
    port, answers = free_port(), []

    class Stop:
        def wait(self) -> None:
            answers.append(httpx.get(f"http://127.0.0.1:{port}/api/version").json()["name"])

    monkeypatch.setattr(web, "asked_to_stop", lambda: nullcontext(Stop()))
    opened = []
    monkeypatch.setattr(web.webbrowser, "open", opened.append)
    result = CliRunner().invoke(app, ["web", "--store", redis.url, "--port", str(port), "--open"])
    assert (result.exit_code, answers) == (0, ["longtake"]), result.output
    assert opened == [f"http://127.0.0.1:{port}"]


def test_web_without_a_store_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["web", "--store", "redis://127.0.0.1:1"])
    assert isinstance(result.exception, StoreDown)
