"""A real MQTT broker on this machine, and somebody who listens to it."""

import queue
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import skip_or_fail
from tests.timeline.servers import Certificate, free_port

TIMEOUT_S = 20


class Mosquitto:
    """The broker; with a `password` it lets nobody in but `joe`, with `tls` it shows that certificate."""

    def __init__(self, folder: Path, password: str = "", tls: Certificate | None = None) -> None:
        found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")
        if found is None:
            skip_or_fail("no mosquitto; tests/system-parts installs it")
        assert found is not None
        self.port = free_port()
        self.url = f"{'mqtts' if tls else 'mqtt'}://127.0.0.1:{self.port}"
        lines = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {'false' if password else 'true'}", "user root"]
        if password:
            users = folder / "users"
            subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "joe", password], check=True)
            lines.append(f"password_file {users}")
        if tls is not None:
            lines += [f"certfile {tls.cert}", f"keyfile {tls.key}"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._command = [found, "-c", str(folder / "mosquitto.conf")]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, "mosquitto did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Whoever is interested in all topics; what was retained comes first."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: queue.SimpleQueue[tuple[str, str, int, bool]] = queue.SimpleQueue()
        subscribed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _, __, one: self.heard.put(
            (one.topic, one.payload.decode(), one.qos, one.retain)
        )
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe("#", qos=1)
        subscribed.get(timeout=TIMEOUT_S)

    def next(self) -> tuple[str, str, int, bool]:
        """Topic, payload, QoS and whether it was retained."""
        return self.heard.get(timeout=TIMEOUT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
