"""A real Prometheus with the committed configuration scrapes a run of the Ray engine and agrees with its reports."""

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.actors.test_metrics import free_port
from tests.conftest import REPOSITORY, skip_or_fail
from tests.models.micro import make_model_dir

CONFIGURATION = REPOSITORY / "deploy" / "prometheus" / "prometheus.yml"
STREAMS = {"one": "synthetic://seed=3&duration=12", "two": "synthetic://seed=4&duration=9&people=2"}
PATIENCE_S = 90.0

Answers = dict[tuple[str, ...], float]


class Prometheus:
    """A server on loopback, asked over its HTTP API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/query?"

    def ask(self, query: str) -> Answers:
        """Values by their labels (instance, job and name apart, in the order of their names); empty while it starts."""
        try:
            with urllib.request.urlopen(self._url + urllib.parse.urlencode({"query": query}), timeout=10) as answer:
                results: list[Any] = json.load(answer)["data"]["result"]
        except (urllib.error.URLError, ConnectionError):
            return {}
        return {_labels(result["metric"]): float(result["value"][1]) for result in results}

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
    return tuple(metric[name] for name in sorted(metric) if name not in ("__name__", "instance", "job"))


@contextmanager
def prometheus(target_port: int, folder: Path) -> Iterator[Prometheus]:
    server = shutil.which("prometheus")
    if server is None:
        skip_or_fail("prometheus is not installed (Debian, Ubuntu: apt install prometheus)")
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{target_port}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = [str(server), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            yield Prometheus(port)
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def running(port: int, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    model = make_model_dir(folder / "model")
    streams = [f"{name}={uri}" for name, uri in STREAMS.items()]
    command = [sys.executable, "-m", "tests.deploy.counted_run", str(model), str(folder / "home"), str(port), *streams]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_prometheus_holds_what_the_reports_say(tmp_path: Path) -> None:
    port = free_port()
    with prometheus(port, tmp_path) as server, running(port, tmp_path) as process:
        assert process.stdout is not None
        reports = {report["stream"]: report for report in json.loads(process.stdout.readline())}
        assert {name: report["state"] for name, report in reports.items()} == dict.fromkeys(STREAMS, "ended")

        frames = {(name,): report["frames_decoded"] for name, report in reports.items()}
        server.wait("longtake_frames_decoded_total", lambda found: found == frames)

        clips = {(name,): report["clips"] for name, report in reports.items()}
        assert frames == {("one",): 300, ("two",): 225}
        assert server.ask("longtake_clips_total") == clips
        assert server.ask("longtake_frames_corrupt_total") == {("one",): 0, ("two",): 0}
        assert server.ask("longtake_frames_dropped_total") == {("dropped", "one"): 0, ("dropped", "two"): 0}

        every_clip = sum(clips.values())
        assert server.ask("longtake_clip_e2e_seconds_count") == {(): every_clip}
        asked = server.ask("longtake_batch_size_sum")
        assert asked[("encode",)] == every_clip
        assert len(STREAMS) <= asked[("remember",)] <= every_clip, "one request may hold several steps"
        assert server.ask("longtake_clip_e2e_seconds_sum > 0") and server.ask("process_resident_memory_bytes > 0")
        commits = server.ask("longtake_commits_total")
        assert set(commits) == {("ok", "one"), ("ok", "two")} and min(commits.values()) >= 1

        series = server.ask('{job="longtake"}')
        assert not any("/" in label for labels in series for label in labels)
        assert server.ask("up") == {(): 1}
    assert process.returncode == 0, (tmp_path / "errors").read_text()
