"""A real Prometheus with the committed configuration agrees with a run, and has all that is documented of a server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.actors.scraped import free_port
from tests.conftest import REPOSITORY
from tests.deploy.documented import documented
from tests.deploy.monitored import COMMITTED, PATIENCE_S, SECRETS, Monitored, prometheus
from tests.models.micro import make_model_dir

STREAMS = {"one": "synthetic://seed=3&duration=12", "two": "synthetic://seed=4&duration=9&people=2"}
OF_PROMETHEUS = {"__name__", "instance", "job", "le", "service"}


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
@pytest.mark.timeout(900)
def test_prometheus_holds_what_the_reports_say(tmp_path: Path) -> None:
    port = free_port()
    with prometheus(tmp_path, port) as server, running(port, tmp_path) as process:
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
        assert server.ask('up{job="longtake"}') == {(): 1}
        server.wait("longtake_stream_until_seconds", lambda found: not found)  # nobody is at the streams any more
    assert process.returncode == 0, (tmp_path / "errors").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestServed:
    def test_every_target_is_up(self, watch: Monitored) -> None:
        watch.prometheus.wait("count(up == 1)", lambda found: found == {(): 3})
        targets = watch.prometheus.get("targets", state="active")["activeTargets"]
        assert sorted(target["labels"]["job"] for target in targets) == ["longtake", "longtake", "prometheus"]

    def test_every_documented_series_is_there_with_its_labels_and_no_other(self, watch: Monitored) -> None:
        found = watch.prometheus.series('last_over_time({__name__=~"longtake_.*"}[5m])')
        names = {re.sub(r"_(bucket|sum|count)$", "", one["__name__"]): one.keys() - OF_PROMETHEUS for one in found}
        assert names == documented()

    def test_every_kind_of_process_shows_its_memory(self, watch: Monitored) -> None:
        kinds = {(kind,) for kind in ("host", "model_worker", "supervisor", "ray", "other")}
        memory = watch.prometheus.wait(
            "max by (kind) (longtake_process_memory_bytes)",
            lambda found: set(found) == kinds and min(found.values()) > 0,
        )
        assert min(memory.values()) > 5_000_000

    def test_no_series_holds_a_url_or_a_secret(self, watch: Monitored) -> None:
        found = watch.prometheus.series('last_over_time({job="longtake"}[5m])')
        values = {value for one in found for name, value in one.items() if name != "instance"}
        assert "door" in values
        wrong = (*SECRETS, "://", "watcher", str(watch.camera_port), "jpeg", "127.0.0.1")
        assert not [value for value in values if any(part in value for part in wrong)]


def test_nodes_are_found_by_the_names_of_the_services() -> None:
    ours, itself = yaml.safe_load((COMMITTED / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = ours["dns_sd_configs"]
    assert found["names"] == ["ray-head", "ray-worker", "model-worker", "longtake"]
    assert (found["type"], found["port"], itself["job_name"]) == ("A", 9400, "prometheus")


def test_no_series_is_documented_twice() -> None:
    text = (REPOSITORY / "docs" / "metrics.md").read_text()
    names = re.findall(r"^\| `(longtake_\w+)`", text, re.MULTILINE)
    assert sorted(set(names)) == sorted(names)
