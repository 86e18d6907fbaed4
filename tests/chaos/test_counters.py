"""Counters over the lives of an endpoint: what is added up, what is a fault, what nobody saw."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.chaos.counters import Counters
from tests.chaos.parts import free_port

NAME = "longtake_clips_total"


class Endpoint:
    """Tells one counter of one stream, or that it cannot."""

    def __init__(self, port: int) -> None:
        self.value: float | None = 0.0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(500 if endpoint.value is None else 200)
                self.end_headers()
                self.wfile.write(f'# TYPE longtake_clips counter\n{NAME}{{stream="a"}} {endpoint.value}\n'.encode())

            def log_message(self, *_: object) -> None:
                """Be silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def endpoint(port: int) -> Iterator[Endpoint]:
    endpoint = Endpoint(port)
    yield endpoint
    endpoint.close()


@pytest.fixture
def answers() -> dict[str, int]:
    return {"a": 0}


@pytest.fixture
def counters(port: int, answers: dict[str, int], endpoint: Endpoint) -> Iterator[Counters]:
    counters = Counters(port, lambda: dict(answers))
    yield counters
    counters.close()


def told(counters: Counters, endpoint: Endpoint, value: float | None) -> bool:
    endpoint.value = value
    return counters.look()


def test_a_count_that_grows_is_one_life(counters: Counters, endpoint: Endpoint) -> None:
    assert [told(counters, endpoint, value) for value in (1.0, 5.0, 5.0)] == [True, True, True]
    assert (counters.lives, counters.total(NAME)["a",], counters.ill) == (1, 5.0, [])
    assert counters.blind() == []


def test_a_count_that_falls_while_the_endpoint_is_there_is_a_fault(counters: Counters, endpoint: Endpoint) -> None:
    told(counters, endpoint, 5.0)
    told(counters, endpoint, 4.0)
    assert counters.lives == 1
    assert counters.ill == [f"{NAME}('a',) fell while the endpoint was there"]


def test_an_endpoint_that_cannot_tell_is_a_fault(counters: Counters, endpoint: Endpoint) -> None:
    assert not told(counters, endpoint, None)
    assert "the metrics endpoint answered 500" in counters.ill


def test_lives_are_added_up_and_what_nobody_saw_is_blind(
    counters: Counters, endpoint: Endpoint, port: int, answers: dict[str, int]
) -> None:
    answers["a"] = 7
    told(counters, endpoint, 7.0)
    endpoint.close()
    assert not counters.look()
    answers["a"] = 9  # two more were committed before the end
    again = Endpoint(port)
    told(counters, again, 2.0)
    assert (counters.lives, counters.total(NAME)["a",], counters.ill) == (2, 9.0, [])
    assert counters.blind_answers("a") == 2
    ((begin_s, end_s),) = counters.blind()
    assert begin_s < end_s
    again.close()
