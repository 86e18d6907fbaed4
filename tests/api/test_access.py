"""Who may ask what: everything is closed that is not open, and a token opens no more than it says."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from longtake.api.access import COOKIE
from longtake.api.app import create_app
from longtake.api.gate import TOLD_S
from longtake.api.settings import ApiSettings, Backend
from pipeline.clock import ManualClock
from pipeline.control.tokens import Tokens
from pipeline.errors import StoreDown
from pipeline.timeline.store import TimelineStore

OPEN = {"/healthz", "/readyz", "/api/version", "/api/login"}
THERE = "http://longtake.example"

Ask = Callable[..., Response]


@pytest.fixture(scope="module")
def secrets(store: TimelineStore) -> dict[str, str]:
    tokens = Tokens(store)
    made = {
        "viewer": ("viewer", ["*"]),
        "operator": ("operator", ["*"]),
        "dock": ("viewer", ["dock-*"]),
        "docker": ("operator", ["dock-*"]),
    }
    return {name: tokens.add(name, role, streams, 0.0) for name, (role, streams) in made.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture(scope="module")
def closed(store: TimelineStore, secrets: dict[str, str], clock: ManualClock) -> Iterator[FastAPI]:
    """Listens to other machines too."""
    made = create_app(Backend(store, ApiSettings(host="0.0.0.0")))
    made.state.gate._clock = made.state.gate._failures._clock = clock
    yield made
    made.state.hub.close()


@pytest.fixture(scope="module")
def ask(closed: FastAPI, secrets: dict[str, str]) -> Iterator[Ask]:
    with TestClient(closed, base_url=THERE) as client:

        def send(token: str | None, method: str, path: str, **options: object) -> Response:
            client.cookies.clear()
            shown = {"Authorization": f"Bearer {secrets.get(token, token)}"} if token else {}
            headers = shown | options.pop("headers", {})  # type: ignore[operator]
            return client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

        yield send


@pytest.fixture(autouse=True)
def a_minute_later(clock: ManualClock) -> None:
    """Failures of other tests are forgotten."""
    clock.advance(61)


def routes(app: FastAPI) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods]


def test_without_a_token_nothing_is_told_but_signs_of_life_and_the_page(ask: Ask, closed: FastAPI) -> None:
    for method, path in [*routes(closed), ("GET", "/openapi.json"), ("GET", "/docs")]:
        if path not in OPEN:
            answer = ask(None, method, path.replace("{name}", "door"))
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
            assert "a token is wanted" in answer.json()["detail"]
    for path in [*OPEN - {"/api/login"}, "/", "/main.js", "/layout.css", "/icon.svg"]:
        assert ask(None, "GET", path).status_code == 200, path


@pytest.mark.parametrize("path", ["/nothing", "/api/", "/api/none.js", "/metrics/", "//api/streams", "/docs/x.css"])
def test_what_nobody_has_opened_is_closed(ask: Ask, path: str) -> None:
    assert ask(None, "GET", path).status_code == 401


def test_a_viewer_can_change_nothing(ask: Ask, closed: FastAPI) -> None:
    for method, path in routes(closed):
        if method != "GET" and path not in ("/api/login", "/api/logout"):
            answer = ask("viewer", method, path.replace("{name}", "dock-1"), json={"name": "x", "uri": "synthetic://"})
            assert answer.status_code == 403 and "viewer's" in answer.json()["detail"], path
    assert {"dock-1", "dock-2", "door"} == {
        one["name"] for one in ask("viewer", "GET", "/api/streams").json()["streams"]
    }


def test_a_token_of_some_streams_tells_of_no_others(ask: Ask) -> None:
    assert [one["name"] for one in ask("dock", "GET", "/api/streams").json()["streams"]] == ["dock-1", "dock-2"]
    for path in ("/api/timeline", "/api/events"):
        assert "door" not in ask("dock", "GET", path).text
        assert "door" not in ask("dock", "GET", path, params={"stream": "d*"}).text
    assert sorted(ask("dock", "GET", "/api/overview", params={"after": 0, "before": 60}).json()["streams"]) == [
        "dock-1",
        "dock-2",
    ]
    assert all(
        row["stream"] != "door" for row in ask("dock", "GET", "/api/stats", params={"by": "stream"}).json()["rows"]
    )
    labels = {one["label"]: one["streams"] for one in ask("dock", "GET", "/api/labels").json()["labels"]}
    assert labels["fall"] == 2
    assert sum(one["streams"] for one in ask("dock", "GET", "/api/models").json()["models"]) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/streams/{}",
        "/api/streams/{}/latest.jpg",
        "/api/streams/{}/video",
        "/api/timeline?stream={}",
        "/api/events?stream={}",
        "/api/overview?stream={}&after=0&before=9",
        "/api/scores?stream={}",
        "/api/stats?stream={}",
        "/api/live?stream={}",
    ],
)
def test_a_stream_that_may_not_be_known_of_is_as_one_that_is_not_there(ask: Ask, path: str) -> None:
    hidden, missing = (ask("dock", "GET", path.format(name)) for name in ("door", "nope"))
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["detail"].replace("door", "nope") == missing.json()["detail"]
    for method in ("PATCH", "DELETE"):
        if path == "/api/streams/{}":
            assert ask("docker", method, path.format("door"), json={"paused": True}).status_code == 404


def test_an_operator_of_some_streams_adds_no_others(ask: Ask) -> None:
    refused = ask("docker", "POST", "/api/streams", json={"name": "yard", "uri": "synthetic://seed=1"})
    assert refused.status_code == 403 and "for streams named dock-*" in refused.json()["detail"]
    added = ask("docker", "POST", "/api/streams", json={"name": "dock-9", "uri": "synthetic://seed=1", "paused": True})
    assert added.status_code == 201, added.text
    assert ask("docker", "DELETE", "/api/streams/dock-9").status_code == 204


def test_metrics_name_all_streams_so_they_are_for_who_may_know_all(ask: Ask) -> None:
    assert ask("viewer", "GET", "/metrics").status_code == 200
    assert ask("dock", "GET", "/metrics").status_code == 403


def test_who_asks_is_told_what_they_may(ask: Ask) -> None:
    assert ask("dock", "GET", "/api/me").json() == {"role": "viewer", "streams": ["dock-*"], "auth": True}
    assert ask("operator", "GET", "/api/me").json() == {"role": "operator", "streams": ["*"], "auth": True}


def test_who_guesses_too_often_has_to_wait_and_nobody_else(ask: Ask, clock: ManualClock) -> None:
    assert ask("viewer", "GET", "/api/me").status_code == 200
    statuses = [ask(f"guess-{number}", "GET", "/api/me").status_code for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    waiting = ask("guess", "GET", "/api/me")
    assert 0 < int(waiting.headers["retry-after"]) <= 6 and "try again in" in waiting.json()["detail"]
    assert ask("operator", "POST", "/api/login", json={"token": "guess"}).status_code == 429
    assert ask(None, "GET", "/api/me").status_code == 401, "who shows nothing does not guess"
    assert ask("viewer", "GET", "/api/me").status_code == 200, "what was accepted before is no guess"
    clock.advance(int(waiting.headers["retry-after"]))
    assert ask("guess", "GET", "/api/me").status_code == 401


def test_a_removed_token_is_refused_and_its_sessions_with_it(
    ask: Ask, closed: FastAPI, store: TimelineStore, clock: ManualClock
) -> None:
    secret = Tokens(store).add("brief", "viewer", ["*"], 0.0)
    clock.advance(TOLD_S)
    session = ask(None, "POST", "/api/login", json={"token": secret}).cookies[COOKIE]
    assert ask(secret, "GET", "/api/me").status_code == 200
    assert ask(None, "GET", "/api/me", headers={"Cookie": f"{COOKIE}={session}"}).status_code == 200
    Tokens(store).remove("brief")
    clock.advance(TOLD_S)
    assert ask(secret, "GET", "/api/me").status_code == 401
    assert ask(None, "GET", "/api/me", headers={"Cookie": f"{COOKIE}={session}"}).status_code == 401


def test_a_page_logs_in_and_out(ask: Ask, secrets: dict[str, str]) -> None:
    answer = ask(None, "POST", "/api/login", json={"token": f" {secrets['dock']}\n"})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 204 and "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
    session = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}", "Sec-Fetch-Site": "same-origin"}
    assert ask(None, "GET", "/api/me", headers=session).json()["streams"] == ["dock-*"]
    out = ask(None, "POST", "/api/logout", headers=session)
    assert out.status_code == 204 and f'{COOKIE}=""' in out.headers["set-cookie"]
    assert ask(None, "GET", "/api/me", headers=session).status_code == 401, "a copy of the cookie is worth nothing"
    assert ask(None, "POST", "/api/login", json={"token": "wrong"}).status_code == 401


@pytest.mark.parametrize(("url", "settings"), [("https://longtake.example", {}), (THERE, {"secure_cookie": True})])
def test_over_https_the_cookie_never_travels_without(
    store: TimelineStore, secrets: dict[str, str], url: str, settings: dict[str, bool]
) -> None:
    app = create_app(Backend(store, ApiSettings(host="0.0.0.0", **settings)))  # type: ignore[arg-type]
    answer = TestClient(app, base_url=url).post("/api/login", json={"token": secrets["dock"]})
    assert "; Secure" in answer.headers["set-cookie"]


ELSEWHERE = {"Origin": "http://evil.example"}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": THERE}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": THERE}, False),
        (ELSEWHERE, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_with_a_cookie_only_our_own_page_changes_something(
    ask: Ask, secrets: dict[str, str], headers: dict[str, str], allowed: bool
) -> None:
    session = ask(None, "POST", "/api/login", json={"token": secrets["operator"]}).cookies[COOKIE]
    cookie = {"Cookie": f"{COOKIE}={session}"}
    answer = ask(None, "DELETE", "/api/streams/nope", headers=cookie | headers)
    assert answer.status_code == (404 if allowed else 403)
    assert allowed or "page of another site" in answer.json()["detail"]
    assert ask(None, "GET", "/api/streams", headers=cookie | headers).status_code == 200
    assert ask("operator", "DELETE", "/api/streams/nope", headers=headers).status_code == 404, "no browser adds a token"


def test_nobody_is_logged_in_by_another_site(ask: Ask, secrets: dict[str, str]) -> None:
    assert ask(None, "POST", "/api/login", json={"token": secrets["dock"]}, headers=ELSEWHERE).status_code == 403


def test_every_answer_tells_the_browser_what_not_to_do(ask: Ask) -> None:
    for token, path in [("viewer", "/api/streams"), (None, "/api/streams"), (None, "/"), ("viewer", "/api/nope")]:
        headers = ask(token, "GET", path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert ask("viewer", "GET", "/api/streams").headers["cache-control"] == "private, no-cache"


def test_while_the_store_is_away_nobody_is_let_in_and_nothing_is_told_of_it(
    ask: Ask, closed: FastAPI, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise StoreDown("the store at redis://10.0.0.9 does not answer")

    monkeypatch.setattr(closed.state.gate.tokens, "all", away)
    clock.advance(TOLD_S)
    answer = ask("viewer", "GET", "/api/streams")
    assert answer.status_code == 503 and answer.headers["retry-after"] and "10.0.0.9" not in answer.text
    assert ask(None, "GET", "/healthz").status_code == 200
