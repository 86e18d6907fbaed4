"""Telling by MQTT: a real broker, killed and started again, and what Home Assistant finds there."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.alerts.broker import Broker, level
from pipeline.alerts.errors import TargetAway
from pipeline.alerts.letters import Letter
from pipeline.alerts.settings import MqttSettings
from tests.alerts.make import letter
from tests.alerts.mosquitto import Listener, Mosquitto
from tests.timeline.servers import Certificate


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.kill()


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    listening = Listener(mosquitto)
    yield listening
    listening.close()


def broker(url: str, **more: str | float) -> Broker:
    return Broker(MqttSettings.model_validate({"url": url, **more}), {"MQTT": "hidden", "WRONG": "wrong"})


def state(body: str, label: str = "walk") -> Letter:
    return Letter(f"id-{body}", "state", "cam1", label, body)


def test_an_alert_comes_to_the_topic_of_its_stream(mosquitto, listener):
    target = broker(mosquitto.url)
    target.send(letter(1))
    target.send(letter(2))
    target.close()
    assert [listener.next() for _ in range(2)] == [
        ("longtake/cam1/events", letter(1).body, 1, False),
        ("longtake/cam1/events", letter(2).body, 1, False),
    ]


def test_a_sensor_announces_itself_once_and_its_state_is_kept(mosquitto, listener):
    target = broker(mosquitto.url, prefix="site/longtake")
    label = "pick up/#1"
    for body in ("ON", "OFF"):
        target.send(state(body, label))
    target.close()
    (place, config, qos, _), on, off = (listener.next() for _ in range(3))
    topic = "site/longtake/cam1/pick up%2F%231/state"
    assert (on, off) == ((topic, "ON", 1, False), (topic, "OFF", 1, False))
    told = json.loads(config)
    assert qos == 1 and place == f"homeassistant/binary_sensor/{told['unique_id']}/config"
    assert (told["name"], told["state_topic"], told["device"]["name"]) == (label, topic, "cam1")
    later = Listener(mosquitto)
    kept = {topic: (payload, retained) for topic, payload, _, retained in (later.next() for _ in range(2))}
    later.close()
    assert kept == {place: (config, True), topic: ("OFF", True)}


@pytest.mark.parametrize(
    ("name", "written"), [("cam1", "cam1"), ("a/b", "a%2Fb"), ("+#%", "%2B%23%25"), ("é 1", "é 1")]
)
def test_what_has_a_meaning_in_a_topic_is_escaped(name, written):
    assert level(name) == written


def test_only_who_has_the_password_is_let_in(tmp_path):
    guarded = Mosquitto(tmp_path, password="hidden")
    try:
        right = broker(guarded.url, user="joe", password="${MQTT}")
        right.send(letter(1))
        right.close()
        wrong = broker(guarded.url, user="joe", password="${WRONG}")
        with pytest.raises(TargetAway, match="it lets nobody in: Not authorized"):
            wrong.send(letter(1))
        wrong.close()
    finally:
        guarded.kill()


def test_with_tls_it_must_show_a_certificate_that_is_trusted(tmp_path, monkeypatch):
    certificate = Certificate(tmp_path)
    guarded = Mosquitto(tmp_path, tls=certificate)
    try:
        with pytest.raises(TargetAway, match="CERTIFICATE_VERIFY_FAILED"):
            broker(guarded.url).send(letter(1))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
        trusting = broker(guarded.url)
        trusting.send(letter(1))
        trusting.close()
    finally:
        guarded.kill()


def test_one_that_was_killed_is_reached_again(tmp_path):
    killed = Mosquitto(tmp_path)
    target = broker(killed.url, timeout_s=5.0)
    target.send(letter(1))
    killed.kill()
    with pytest.raises(TargetAway):
        target.send(letter(2))
    killed.start()
    listening = Listener(killed)
    target.send(letter(2))
    assert listening.next()[1] == letter(2).body
    assert listening.heard.empty(), "what failed was not kept to be sent once more"
    for one in (target, listening):
        one.close()
    killed.kill()


def test_one_that_hangs_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accepting = threading.Thread(target=silent.accept, daemon=True)
        accepting.start()
        target = broker(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(TargetAway, match=r"it has not answered within 0\.2 s"):
            target.send(letter(1))
        accepting.join()
