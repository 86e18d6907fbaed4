"""Where there are no tokens: on this machine everybody may do everything, and from elsewhere nobody anything."""

import pytest
from fastapi.testclient import TestClient

from longtake.api.app import create_app
from longtake.api.limits import MOST_ADDRESSES, FailureLimit, Failures
from longtake.api.origin import is_loopback
from longtake.api.settings import ApiSettings, Backend
from pipeline.clock import ManualClock
from pipeline.timeline.store import TimelineStore


def test_on_this_machine_nobody_is_asked(client: TestClient) -> None:
    assert client.get("/api/me").json() == {"role": "operator", "streams": ["*"], "auth": False}
    assert client.delete("/api/streams/nope").status_code == 404
    assert client.post("/api/login", json={"token": "whatever"}).status_code == 204
    assert client.get("/api/me", headers={"Authorization": "Bearer whatever"}).status_code == 200


def test_from_other_machines_nobody_is_let_in_without_a_token(store: TimelineStore) -> None:
    app = create_app(Backend(store, ApiSettings(host="0.0.0.0")))
    answer = TestClient(app, base_url="http://127.0.0.1").get("/api/streams")
    assert answer.status_code == 401 and "longtake tokens add" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""])
def test_a_name_that_strangers_pointed_here_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/streams", headers={"Host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "page.localhost", "LOCALHOST"])
def test_names_of_this_machine_are_not(client: TestClient, host: str) -> None:
    assert client.get("/api/streams", headers={"Host": host}).status_code == 200


def test_a_page_of_another_site_changes_nothing(client: TestClient) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.delete("/api/streams/nope", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False)],
)
def test_only_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_failures_are_forgotten_one_by_one() -> None:
    clock = ManualClock()
    failures = Failures(FailureLimit(most=3, period_s=60), clock)
    for _ in range(3):
        assert failures.wait_s("10.0.0.1") == 0
        failures.add("10.0.0.1")
    assert failures.wait_s("10.0.0.1") == 20 and failures.wait_s("10.0.0.2") == 0
    clock.advance(20)
    assert failures.wait_s("10.0.0.1") == 0
    failures.add("10.0.0.1")
    assert failures.wait_s("10.0.0.1") == 20


def test_one_who_has_a_network_of_addresses_is_one() -> None:
    failures = Failures(FailureLimit(most=2, period_s=60), ManualClock())
    for last in range(2):
        failures.add(f"2001:db8::{last}")
    assert failures.wait_s("2001:db8::77") > 0 and failures.wait_s("2001:db8:0:1::77") == 0
    failures.add("::ffff:10.0.0.1")
    failures.add("10.0.0.1")
    assert failures.wait_s("10.0.0.1") > 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    failures = Failures(FailureLimit(most=1, period_s=60), ManualClock())
    for number in range(MOST_ADDRESSES + 10):
        failures.add(f"host-{number}")
    assert len(failures._free_s) == MOST_ADDRESSES
    assert failures.wait_s("host-0") == 0 and failures.wait_s(f"host-{MOST_ADDRESSES + 9}") > 0
