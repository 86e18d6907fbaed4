"""A real Prometheus with the committed configuration, and a small server of cameras for it to watch."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.actors.scraped import free_port
from tests.conftest import REPOSITORY, skip_or_fail
from tests.longtake import mjpeg
from tests.longtake.served import Served

COMMITTED = REPOSITORY / "deploy" / "prometheus"
PATIENCE_S = 300.0
SECRETS = ("hunter2", "s3cret")
CONFIG = """
ray: {threads_per_worker: 1, object_store_bytes: 100000000}
serve: {allowed_schemes: [http, synthetic]}
streams:
  door: {uri: "${TEST_CAMERA}/jpeg?token=s3cret"}
  yard: {uri: "synthetic://seed=3&duration=3600&people=2", realtime: true}
  clip: {uri: "synthetic://seed=4&duration=12&people=2"}
"""

Answers = dict[tuple[str, ...], float]


class Prometheus:
    """A server on loopback, asked over its HTTP API."""

    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """What the API answers; None while it starts."""
        try:
            with urllib.request.urlopen(
                f"{self._api}/{path}?{urllib.parse.urlencode(parameters)}", timeout=30
            ) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                pytest.fail(f"{path} {parameters}: {error.read().decode()}")
        except (urllib.error.URLError, ConnectionError):
            return None  # it is still starting
        return None

    def series(self, query: str) -> list[dict[str, str]]:
        """Labels of what a query finds now, the name among them."""
        found = self.get("query", query=query)
        return [result["metric"] for result in found["result"]] if found else []

    def ask(self, query: str) -> Answers:
        """Values by their labels (where they are from and name apart, in the order of the labels' names)."""
        found = self.get("query", query=query)
        return {_labels(result["metric"]): float(result["value"][1]) for result in found["result"]} if found else {}

    def lately(self, query: str) -> list[float]:
        """Every value of a query within the last minute."""
        now_s = time.time()
        found = self.get("query_range", query=query, start=str(now_s - 60), end=str(now_s), step="2")
        return [float(value) for result in found["result"] for _, value in result["values"]]

    def wait(self, query: str, until: Callable[[Answers], bool]) -> Answers:
        """Ask until the answer is as wanted; fail with the last one after a while."""
        deadline_s = time.monotonic() + PATIENCE_S
        answers: Answers = {}
        while time.monotonic() < deadline_s:
            answers = self.ask(query)
            if until(answers):
                return answers
            time.sleep(0.2)
        pytest.fail(f"{query} is {answers}")


def _labels(metric: dict[str, str]) -> tuple[str, ...]:
    return tuple(metric[name] for name in sorted(metric) if name not in ("__name__", "instance", "job", "service"))


@contextmanager
def prometheus(folder: Path, *target_ports: int) -> Iterator[Prometheus]:
    """Prometheus as deployed, but in a hurry, and told where the exporters are instead of asking a name server."""
    server = shutil.which("prometheus")
    if server is None:
        skip_or_fail("prometheus is not installed (Debian, Ubuntu: apt install prometheus)")
    configuration = yaml.safe_load((COMMITTED / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"}
    port = free_port()
    ours, itself = configuration["scrape_configs"]
    del ours["dns_sd_configs"]
    ours["static_configs"] = [{"targets": [f"127.0.0.1:{target}" for target in target_ports]}]
    itself["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    (folder / "alerts.yml").write_text(re.sub(r"for: \w+", "for: 2s", (COMMITTED / "alerts.yml").read_text()))
    command = [str(server), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            yield Prometheus(port)
        finally:
            process.terminate()
            process.wait(timeout=60)


@dataclass(slots=True)
class Monitored:
    """A running `longtake serve`, its camera, and the Prometheus that watches it."""

    served: Served
    prometheus: Prometheus
    camera_port: int
    _camera: ExitStack = field(default_factory=ExitStack)

    def plug_in(self) -> None:
        """Let the camera be there."""
        self._camera.enter_context(mjpeg.camera(port=self.camera_port))

    def unplug(self) -> None:
        """Take the camera away."""
        self._camera.close()


@contextmanager
def monitored(home: Path, *other_targets: int) -> Iterator[Monitored]:
    """Serve a camera with a password, an endless recording and a short one."""
    port, camera_port = free_port(), free_port()
    (home / "prometheus").mkdir()
    uri = f"http://watcher:hunter2@127.0.0.1:{camera_port}"
    with prometheus(home / "prometheus", port, *other_targets) as server:
        served = Served(home, CONFIG, uri, None, ["--metrics-port", str(port)])
        watch = Monitored(served, server, camera_port)
        try:
            watch.plug_in()
            served.until(served.watched("door", "yard"), PATIENCE_S)
            yield watch
        finally:
            watch.unplug()
            served.end()
