"""Telling by HTTP POST: a real server on this machine, and what it may do wrong."""

from itertools import takewhile

import pytest

from pipeline.alerts.errors import TargetAway, TargetRefused
from pipeline.alerts.settings import WebhookSettings
from pipeline.alerts.webhook import Webhook
from pipeline.clock import ManualClock
from tests.alerts.make import letter
from tests.alerts.receiver import Receiver
from tests.conftest import REPOSITORY

SECRET = "hidden"
NOW_S = 1_767_000_000.7


def webhook(url: str, secret: str = "${DESK}", timeout_s: float = 10.0) -> Webhook:
    settings = WebhookSettings(url=url, secret=secret, timeout_s=timeout_s)
    return Webhook(settings, {"DESK": SECRET}, ManualClock(NOW_S))


def verified(header: str, body: bytes, secret: bytes, now_s: float) -> bool:
    """What docs/alerts.md tells receivers to do."""
    page = (REPOSITORY / "docs" / "alerts.md").read_text()
    lines = page.partition("    import hashlib, hmac")[2].splitlines()
    code = "\n".join(line[4:] for line in takewhile(lambda line: line.startswith("    ") or not line, lines[1:]))
    names = {"hmac": __import__("hmac"), "hashlib": __import__("hashlib")}
    exec(code, names)
    return bool(names["verified"](header, body, secret, now_s))


def test_an_alert_arrives_signed_with_its_key(receiver):
    target = webhook(receiver.url)
    target.send(letter(1))
    target.close()
    got = receiver.next()
    assert got.body == letter(1).body.encode()
    assert (got.headers["Idempotency-Key"], got.headers["Content-Type"]) == ("id1", "application/json")
    header = got.headers["X-Longtake-Signature"]
    assert header.startswith("t=1767000000,v1=")
    assert verified(header, got.body, b"hidden", NOW_S)
    assert not verified(header, got.body + b" ", b"hidden", NOW_S)
    assert not verified(header, got.body, b"another", NOW_S)
    assert not verified(header, got.body, b"hidden", NOW_S + 3600), "an old one is not replayed"


def test_without_a_secret_it_is_not_signed(receiver):
    target = webhook(receiver.url, secret="")
    target.send(letter(1))
    target.close()
    assert "X-Longtake-Signature" not in receiver.next().headers


def test_the_connection_is_kept(receiver):
    target = webhook(receiver.url)
    receiver.answers = [200, 422, 503]
    for failure in (None, TargetRefused, TargetAway, None):
        if failure is None:
            target.send(letter(1))
        else:
            with pytest.raises(failure):
                target.send(letter(1))
    target.close()
    assert len({receiver.next().connection for _ in range(4)}) == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(status, TargetRefused) for status in (400, 413, 415, 422)]
    + [(status, TargetAway) for status in (301, 401, 403, 404, 409, 429, 500, 503)],
)
def test_what_is_about_the_alert_is_a_refusal_and_the_rest_may_pass(receiver, answer, failure):
    receiver.answers = [answer]
    target = webhook(receiver.url)
    with pytest.raises(failure, match=f"it answered {answer}"):
        target.send(letter(1))
    target.close()
    assert receiver.next() and receiver.received.empty(), "a redirect is not followed"


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_one_that_hangs_is_left_in_time(receiver, answer):
    receiver.answers = [answer]
    target = webhook(receiver.url, timeout_s=0.2)
    with pytest.raises(TargetAway, match=r"it has not answered within 0\.2 s"):
        target.send(letter(1))
    target.send(letter(2))
    target.close()


def test_one_that_comes_back_is_reached_again():
    with Receiver() as first:
        target = webhook(first.url)
        target.send(letter(1))
    with pytest.raises(TargetAway, match="it cannot be reached"):
        target.send(letter(2))
    with Receiver(first.port) as second:
        target.send(letter(2))
        target.close()
        assert second.next().headers["Idempotency-Key"] == "id2"


@pytest.mark.parametrize("url", [f"http://me:{SECRET}@127.0.0.1:1/{SECRET}?token={SECRET}", f"http://[::{SECRET}/x"])
def test_no_error_tells_the_url(url):
    target = Webhook(WebhookSettings(url="${URL}"), {"URL": url}, ManualClock())
    with pytest.raises(TargetAway) as raised:
        target.send(letter(1))
    target.close()
    assert SECRET not in str(raised.value)
