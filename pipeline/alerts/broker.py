"""Telling by MQTT; sensors of Home Assistant announce themselves (MQTT discovery)."""

import hashlib
import json
import queue
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.alerts.errors import TargetAway
from pipeline.alerts.letters import Letter
from pipeline.alerts.settings import MQTT_PORTS, MqttSettings, resolved

DISCOVERY = "homeassistant"
_KEEPALIVE_S = 15
_SLICE_S = 0.1  # after so long a connection that was lost is noticed
_SPECIAL = re.compile(r"[%+#/\x00-\x1f\x7f]")


def level(name: str) -> str:
    """Return a stream's or a label's name as one level of a topic: what has a meaning there is written %2F."""
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", name)


class Broker:
    """A target of alerts: `PREFIX/STREAM/events`, and for sensors `PREFIX/STREAM/LABEL/state` (retained); QoS 1."""

    def __init__(self, settings: MqttSettings, environ: Mapping[str, str]) -> None:
        self._url = urlsplit(resolved(settings.url, environ))
        self._login = resolved(settings.user, environ), resolved(settings.password, environ)
        self._prefix = settings.prefix
        self._timeout_s = settings.timeout_s
        self._client: Client | None = None
        self._announced: set[str] = set()

    def send(self, letter: Letter) -> None:
        """As `Target.send`."""
        try:
            client = self._connected()
            if letter.kind == "alert":
                self._publish(client, f"{self._prefix}/{level(letter.stream)}/events", letter.body, retain=False)
            else:
                self._show(client, letter)
        except TargetAway:
            self.close()
            raise
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            raise TargetAway(f"it cannot be reached: {type(error).__name__}: {error}") from None

    def close(self) -> None:
        """As `Target.close`."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
        self._client = None

    def _connected(self) -> Client:
        """A client that is connected; a new one rather than one that has lost its connection and kept what it held."""
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        self._announced.clear()  # the broker may have been begun anew
        self._client = client = self._made()
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client.on_connect = lambda *answer: answers.put(answer[3])
        client.connect(self._url.hostname or "", self._url.port or MQTT_PORTS[self._url.scheme], _KEEPALIVE_S)
        client.loop_start()
        try:
            code = answers.get(timeout=self._timeout_s)
        except queue.Empty:
            raise self._silent() from None
        if code.is_failure:
            raise TargetAway(f"it lets nobody in: {code}")
        return client

    def _made(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, f"longtake-{secrets.token_hex(6)}", reconnect_on_failure=False)
        client.connect_timeout = self._timeout_s
        user, password = self._login
        if user:
            client.username_pw_set(user, password or None)
        if self._url.scheme == "mqtts":
            client.tls_set()
        return client

    def _publish(self, client: Client, topic: str, payload: str, retain: bool) -> None:
        sent = client.publish(topic, payload.encode(), qos=1, retain=retain)
        until_s = time.monotonic() + self._timeout_s
        while not sent.is_published() and client.is_connected() and time.monotonic() < until_s:
            sent.wait_for_publish(_SLICE_S)
        if not sent.is_published():
            raise self._silent() if client.is_connected() else TargetAway("it has closed the connection")

    def _silent(self) -> TargetAway:
        return TargetAway(f"it has not answered within {self._timeout_s:g} s")

    def _show(self, client: Client, letter: Letter) -> None:
        """Publish a state; before the first one of a sensor, what it is."""
        topic = f"{self._prefix}/{level(letter.stream)}/{level(letter.label)}/state"
        if topic not in self._announced:
            place, sensor = self._sensor(letter, topic)
            self._publish(client, place, json.dumps(sensor, ensure_ascii=False), retain=True)
            self._announced.add(topic)
        self._publish(client, topic, letter.body, retain=True)

    def _sensor(self, letter: Letter, topic: str) -> tuple[str, dict[str, Any]]:
        """Where Home Assistant looks for a sensor, and what it finds there."""
        device, sensor = (f"longtake_{_digest(name)}" for name in (f"{self._prefix}/{letter.stream}", topic))
        return f"{DISCOVERY}/binary_sensor/{sensor}/config", {
            "name": letter.label,
            "unique_id": sensor,
            "state_topic": topic,
            "payload_on": "ON",
            "payload_off": "OFF",
            "device": {"identifiers": [device], "name": letter.stream, "manufacturer": "longtake"},
            "origin": {"name": "longtake"},
        }


def _digest(text: str) -> str:
    """Its identifiers may hold letters and digits only."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
