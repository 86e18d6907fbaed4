"""`longtake serve` with what its options add: metrics, a store of its own that goes away, cameras over RTSP."""

import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ray.cluster_utils import Cluster
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.control.board import Board
from pipeline.control.records import Ending
from pipeline.errors import UsageError
from pipeline.timeline.store import TimelineStore
from pipeline.values import GapReason
from tests.live.watching import Camera
from tests.longtake import mjpeg
from tests.longtake.served import Served
from tests.timeline.servers import TcpServer

AWAY_S = 15.0
CONFIG = """
ray: {threads_per_worker: 2, object_store_bytes: 100000000}
flow: {lane: {queue_clips: 4, in_flight: 4}}
serve: {retry_s: 20, retry_cap_s: 25}
streams:
  jpeg: {uri: "${TEST_CAMERA}/jpeg"}
"""
CLUSTERED = """
ray: {threads_per_worker: 1}
serve: {streams_per_host: 1, host_labels: {role: decode}, host_cpus: 1}
streams:
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory) -> Iterator[TcpServer]:
    server = TcpServer(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "everysec")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def metrics_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def rtsp() -> Iterator[Camera]:
    camera = Camera()
    camera.start()
    yield camera
    camera.send(signal.SIGKILL)


@pytest.fixture(scope="module")
def served(tmp_path_factory, redis, metrics_port, rtsp) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("serve")
    with mjpeg.camera() as uri:
        served = Served(home, CONFIG, uri, redis.url, ["--metrics-port", str(metrics_port)])
        try:
            served.until(served.watched("jpeg"), 120)
            yield served
        finally:
            served.end()


@pytest.fixture
def call(served, redis) -> Callable[..., str]:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["streams", *words, "--store", redis.url], terminal_width=200)
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.fixture
def scrape(metrics_port) -> Callable[[], dict[tuple[str, str], float]]:
    def run() -> dict[tuple[str, str], float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}

    return run


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestServed:
    def test_a_camera_over_rtsp_is_watched_and_shown_with_its_clock(self, served, call, rtsp):
        call("add", "camera", rtsp.uri)
        served.until(served.watched("camera"))
        served.until(lambda: {info.name: info.clock for info in served.store.streams()}["camera"] == "camera")
        lines = dict(line.split(maxsplit=1) for line in call("show", "camera").splitlines() if len(line.split()) > 1)
        assert (lines["state"].strip(), lines["clock"].strip()) == ("running", "camera")
        assert float(lines["lag"].split()[0]) < 5
        clocks = {info.name: info.clock for info in served.store.streams()}
        assert clocks["jpeg"] == "arrival"

    def test_every_process_is_seen_on_the_metrics_port(self, served, scrape):
        before = scrape()
        for stream in ("jpeg", "camera"):
            assert before["longtake_stream_up", stream] == 1
            assert before["longtake_frames_decoded_total", stream] > 0, "a host counts"
            assert before["longtake_lag_seconds", stream] < 5
        assert any(name == "longtake_batch_size_count" and count > 0 for (name, _), count in before.items()), "a worker"
        served.until(lambda: scrape()["longtake_clips_total", "jpeg"] > before["longtake_clips_total", "jpeg"])
        answered = served.answered_s("jpeg")
        assert abs(scrape()["longtake_stream_until_seconds", "jpeg"] - answered) < 5

    def test_a_store_that_is_away_for_a_while_costs_what_no_lane_can_hold(self, served, redis, scrape):
        """Lanes keep four clips or so; what comes while they are full is a gap that says why, and nothing else is."""
        served.until(served.watched("jpeg", "camera"))
        before, hosts = served.answered_s("jpeg"), {stream: served.host_of(stream) for stream in ("jpeg", "camera")}
        redis.kill()
        away_s = time.time()
        decoded = scrape()["longtake_frames_decoded_total", "jpeg"]
        pictures = AWAY_S * mjpeg.FPS
        served.until(lambda: scrape()["longtake_frames_decoded_total", "jpeg"] > decoded + 0.8 * pictures, 60)
        redis.start()
        back_s = time.time()
        served.until(lambda: served.answered_s("jpeg") > back_s + 2 and served.answered_s("camera") > back_s + 2)
        for stream in ("jpeg", "camera"):
            gaps = served.store.timeline(stream).gaps
            assert {gap.reason for gap in gaps} == {GapReason.STORE_DOWN}, gaps
            lost_s = sum(gap.end - gap.start for gap in gaps)
            assert 0 < lost_s < back_s - away_s + 5
            assert all(away_s - 10 < gap.start and gap.end < back_s + 10 for gap in gaps)
        assert before > 0 and served.process.poll() is None
        assert {stream: served.host_of(stream) for stream in hosts} == hosts, "nobody was moved"

    def test_the_wait_that_is_shown_is_the_servers(self, served, call):
        call("add", "nothing", "/nowhere/at/all.mp4")
        served.until(lambda: "nothing" in served.board.view().outcomes)
        shown = next(line for line in call("show", "nothing").splitlines() if "tried again" in line)
        assert 5 < float(shown.split("about")[1].split()[0]) <= 20, "half of retry_s at least; one second by default"
        call("rm", "nothing")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_hosts_run_where_the_labels_are_and_reserve_their_cores(tmp_path):
    config = CLUSTERED + "".join(
        f"  {name}: {{uri: 'synthetic://seed=1&duration=600', realtime: true}}\n" for name in "abc"
    )
    node = {"object_store_memory": 100_000_000, "include_dashboard": False}
    redis, cluster = TcpServer(tmp_path), Cluster(initialize_head=True, head_node_args=node | {"num_cpus": 4})
    labelled = cluster.add_node(**node, num_cpus=2, labels={"role": "decode"})
    served = Served(tmp_path, config, "", redis.url, ["--address", cluster.address])
    try:
        served.until(lambda: sum(host.ready for host in served.board.hosts().values()) == 2, 120)
        served.until(lambda: len(served.board.held()) == 2 and not all(h.ready for h in served.board.hosts().values()))
        hosts = served.board.hosts()
        assert {host.node for host in hosts.values()} == {labelled.node_id}, "three, but there are cores for two"
        assert len(hosts) == 3 and len({held.host for held in served.board.held().values()}) == 2
    finally:
        served.end()
        cluster.shutdown()
        redis.kill()


def test_labels_and_cores_of_hosts_are_refused_where_there_is_but_this_machine(tmp_path):
    for setting in ("host_labels: {role: decode}", "host_cpus: 1"):
        config = tmp_path / "config.yaml"
        config.write_text(f"serve: {{{setting}}}")
        result = CliRunner().invoke(app, ["serve", "--config", str(config)])
        assert isinstance(result.exception, UsageError) and "--address" in str(result.exception)


def test_the_wait_that_is_shown_follows_what_the_server_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    run = CliRunner().invoke
    with TimelineStore.open(None, tmp_path) as store:
        assert run(app, ["streams", "add", "cam", "rtsp://cam/1"]).exit_code == 0
        board = _board_with_failure(store)
        assert "when somebody serves" in run(app, ["streams", "show", "cam"]).output
        board.lead("somebody", 60)
        assert "in about 1 s" in run(app, ["streams", "show", "cam"]).output
        board.publish({"allowed_schemes": ["rtsp"], "retry_s": 40.0, "retry_cap_s": 50.0})
        assert "in about 40 s" in run(app, ["streams", "show", "cam"]).output


def _board_with_failure(store: TimelineStore) -> Board:
    board = Board(store)
    generation = board.wish("cam").generation
    board.assign("cam", "host-1", generation)
    board.note(Ending("cam", "host-1", generation, "failed", error="gone"))
    return board
