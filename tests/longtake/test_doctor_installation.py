"""`longtake doctor` without a source: what it finds wrong with an installation, and what it says to do."""

import errno
import os
import shutil
import socket
import tempfile
import threading

import pytest
from rich.console import Console

from actors.inspection import NodeFacts
from actors.ray_node import versions
from longtake.installation import cluster, disk, machine, store, work
from longtake.installation.checks import Diagnosis
from longtake.installation.clocks import agreement
from longtake.installation.finding import Check, Finding, State, broken, doubtful, examine, fine, worst
from longtake.installation.view import view
from pipeline.clock import SystemClock
from pipeline.errors import ModelError, StoreDown
from pipeline.models.card import LabelSet, load_card
from pipeline.timeline.records import ServerInfo
from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, GapReason, Segment, Timeline
from tests.models.micro import make_model_dir, micro_card
from tests.timeline.servers import TcpServer

OURS = versions()
GIB = 2**30


def server(**changed) -> ServerInfo:
    facts = {"version": "7.0.15", "append_only": True, "used_bytes": GIB, "limit_bytes": 0, "policy": "noeviction"}
    return ServerInfo(**{**facts, "ping_s": 0.001, "clock_skew_s": 0.0, **changed})


def node(role: str = "", **changed) -> NodeFacts:
    return NodeFacts(**{"address": "10.0.0.2", "role": role, "cpus": 4, "gpus": 0, "versions": OURS, **changed})


def room(free_bytes: int, **changed) -> disk.Room:
    return disk.Room(**{"path": "/data", "free_bytes": free_bytes, "total_bytes": 100 * GIB, **changed})


def timeline(*segments: Segment, gaps: tuple[Gap, ...] = ()) -> Timeline:
    return Timeline("film", "m", work.SECONDS, segments, gaps)


SEGMENT = Segment("1", "film", 0, "run", 0.0, 3.0, 0.9, 1.0, "m")
GAP = Gap("film", 4.0, 8.0, GapReason.CORRUPT)
CARD = micro_card()
STRANGER = micro_card(label_sets=(LabelSet("action", "independent", ("weld", "solder")),))
EVERY_CODEC = {*machine.CODECS, "h264_cuvid", "hevc_cuvid"}
TOO_OLD = machine.Gpus(driver="470.57.02", cuda="13.0", trouble="The NVIDIA driver on your system is too old")
BUSY = OSError(errno.EADDRINUSE, "Address already in use")

JUDGED = [
    (store.reached(server(), "redis://r"), "ok", "Redis 7.0.15 at redis://r, answers in 1.0 ms"),
    (store.reached(server(ping_s=0.2), "redis://r"), "warning", "put Redis nearer"),
    (store.persistence(server()), "ok", "append-only"),
    (store.persistence(server(append_only=False)), "warning", "set appendonly yes"),
    (store.memory(server()), "ok", "1.0 GiB used, no limit"),
    (store.memory(server(policy="allkeys-lru")), "ok", "no limit"),
    (store.memory(server(limit_bytes=4 * GIB)), "ok", "1.0 GiB of 4.0 GiB used (25%)"),
    (store.memory(server(limit_bytes=int(1.1 * GIB))), "warning", "raise its maxmemory"),
    (store.memory(server(limit_bytes=GIB)), "broken", "longtake archive"),
    (store.memory(server(limit_bytes=4 * GIB, policy="allkeys-lru")), "broken", "maxmemory-policy noeviction"),
    (agreement("clock", "it", 0.0004, 0.0002, 10), "ok", "agrees with this machine's to less than 1 ms"),
    (agreement("clock", "it", 2.0, 0.01, 10), "warning", "is 2.0 s ahead of this machine's"),
    (agreement("clock", "it", 2.0, 4.0, 10), "ok", "to 2.0 s"),
    (agreement("clock", "it", -300.0, 0.01, 10), "broken", "is 5 minutes behind this machine's"),
    (disk.data(room(10 * GIB)), "ok", "10 GiB of 100 GiB free at /data"),
    (disk.data(room(GIB)), "warning", "LONGTAKE_HOME"),
    (disk.data(room(2**20)), "broken", "free some"),
    (disk.data(room(0, refused="No space left on device")), "broken", "free some"),
    (disk.data(room(10 * GIB, refused="Permission denied")), "broken", "let this user write there"),
    (disk.shared(room(GIB, path="/dev/shm"), GIB // 4), "ok", "clips want 256 MiB"),
    (disk.shared(room(2**26, path="/dev/shm"), GIB // 4), "warning", "--shm-size"),
    (machine.decoders(EVERY_CODEC, gpu=False), "ok", "h264, hevc, av1, vp9, mjpeg"),
    (machine.decoders(EVERY_CODEC, gpu=True), "ok", "mjpeg, h264_cuvid, hevc_cuvid"),
    (machine.decoders(EVERY_CODEC - {"av1"}, gpu=False), "warning", "not av1"),
    (machine.decoders(EVERY_CODEC - {"h264"}, gpu=False), "broken", "PyAV's own wheel"),
    (machine.gpu(machine.Gpus(("H200",), "580.1", "13.0"), asked=True), "ok", "H200; driver 580.1, PyTorch for CUDA"),
    (machine.gpu(machine.Gpus(cuda="13.0"), asked=False), "ok", "models run on the processor"),
    (machine.gpu(machine.Gpus(cuda="13.0"), asked=True), "broken", "install NVIDIA's driver"),
    (machine.gpu(TOO_OLD, asked=False), "warning", "driver for CUDA 13.0 or newer"),
    (machine.gpu(TOO_OLD, asked=True), "broken", "driver on your system is too old"),
    (machine.gpu(machine.Gpus(driver="580.1"), asked=False), "warning", "the PyTorch of PyPI"),
    (machine.gpu(machine.Gpus(torch=False), asked=False), "ok", "none"),
    (machine.gpu(machine.Gpus(torch=False), asked=True), "broken", "longtake[model]"),
    (machine.taken(9400, BUSY, "node_exporter (process 7)"), "broken", "9400 is taken by node_exporter (process 7)"),
    (machine.taken(80, OSError(errno.EACCES, "Permission denied"), ""), "broken", "80: Permission denied"),
    (work.model(CARD, work.Forward("cpu", "float32", 1.0, 0.04)), "ok", "takes 40 ms, a camera sends one every 400"),
    (work.model(CARD, work.Forward("cpu", "float32", 1.0, 0.9)), "warning", "too slow"),
    (work.film(timeline(SEGMENT), CARD, 2.0), "ok", "run 0.0–3.0"),
    (work.film(timeline(SEGMENT, gaps=(GAP,)), CARD, 2.0), "broken", "only 4.0 of 8 s were answered"),
    (work.film(timeline(), STRANGER, 2.0), "warning", "nothing happens there that micro knows"),
    (work.film(timeline(), CARD, 2.0), "broken", "train it again"),
    (cluster.here([node()], OURS), "ok", "runs tasks"),
    (cluster.here([node(silent="no memory")], OURS), "broken", "runs no task: no memory"),
    (cluster.here([], OURS), "broken", "it has no node"),
    (cluster.cluster([node("decode"), node("model", gpus=1)], OURS, "h:1"), "ok", "1 decode (4 cores), 1 model (4"),
    (cluster.cluster([node()], OURS, "h:1"), "ok", "1 node at h:1: 1 for everything (4 cores)"),
    (cluster.cluster([node("head", cpus=0)], OURS, "h:1"), "warning", "join h:1 --role decode and no node is"),
    (cluster.cluster([node(), node(silent="died")], OURS, "h:1"), "broken", "no task runs on 10.0.0.2 (died)"),
    (cluster.cluster([node(versions=OURS | {"ray": "2.50"})], OURS, "h:1"), "broken", "ray 2.50"),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "state", "words"), JUDGED, ids=lambda one: getattr(one, "name", one))
def test_what_is_found_is_judged_and_what_to_do_is_said(finding, state, words):
    assert finding.state == state
    assert words in f"{finding.found} → {finding.advice}"


def test_of_many_clocks_only_the_wrong_ones_are_named():
    nodes = [node(address=f"10.0.0.{number}", round_s=0.002) for number in range(50)]
    (fine_,) = cluster.clocks(nodes, 10.0)
    assert (fine_.state, fine_.found) == ("ok", "50 nodes agree with this machine's to 1 ms")
    (wrong,) = cluster.clocks([*nodes, node(address="10.0.0.77", skew_s=300.0)], 10.0)
    assert wrong.state == "broken" and "the clock of 10.0.0.77 is 5 minutes ahead" in wrong.found


def test_advice_is_for_what_is_not_well_and_for_all_of_that():
    with pytest.raises(ValueError, match="advice"):
        Finding("disk", State.BROKEN, "full")
    with pytest.raises(ValueError, match="advice"):
        Finding("disk", State.OK, "empty", "fill it")
    assert worst([fine("a", "."), doubtful("b", ".", "."), fine("c", ".")]) == "warning"
    assert worst([broken("a", ".", "."), doubtful("b", ".", ".")]) == "broken"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (StoreDown("no answer from redis://user:hunter2@host"), "no answer from redis://***@host"),
        (ZeroDivisionError("rtsp://user:hunter2@host"), "ZeroDivisionError: rtsp://***@host"),
        (SystemExit("a library gave up"), "SystemExit: a library gave up"),
    ],
)
def test_whatever_a_check_does_there_is_a_finding_without_a_secret(error, found):
    def look():
        raise error

    assert examine(Check("x", look, 5, "mend it")) == [broken("x", found, "mend it")]


def test_a_check_that_hangs_is_a_finding_in_time():
    released = threading.Event()
    (finding,) = examine(Check("x", lambda: [fine("x", str(released.wait(60)))], 0.05, "restart it"))
    released.set()
    assert finding == broken("x", "no answer within 0.05 s", "restart it")


class FiveMinutesBehind(SystemClock):
    """What a machine shows whose clock nobody sets."""

    def wall_s(self) -> float:
        return super().wall_s() - 300


def test_a_store_is_looked_at_with_this_machines_clock(tmp_path):
    settings = ("--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    redis_server = TcpServer(tmp_path, *settings)
    try:
        found = store.look(lambda: TimelineStore.open(redis_server.url, tmp_path), redis_server.url, 10.0)
        assert [one.name for one in found] == ["store", "persistence", "store memory", "store clock"]
        assert [one.state for one in found] == ["ok", "ok", "broken", "ok"]
        slow = TimelineStore(redis_server.client(), "redis", clock=FiveMinutesBehind())
        (*_, clock) = store.look(lambda: slow, "redis", 10.0)
        assert (clock.state, clock.found) == ("broken", "the store's clock is 5 minutes ahead of this machine's")
    finally:
        redis_server.kill()


def test_a_full_disk_is_seen_by_writing(tmp_path, monkeypatch):
    assert disk.look(tmp_path / "not" / "there" / "yet")[0].state in ("ok", "warning")

    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(GIB, GIB, 0))
    (finding,) = disk.look(tmp_path)
    assert finding.state == "broken" and "nothing can be written: No space left on device" in finding.found


def test_who_has_taken_the_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (finding,) = machine.look_port(port, "127.0.0.1")
    assert finding.state == "broken" and f"(process {os.getpid()})" in finding.found
    assert machine.look_port(port, "127.0.0.1")[0].state == "ok"


def test_a_model_is_loaded_and_answers(tmp_path):
    directory = make_model_dir(tmp_path / "model")
    (finding,) = work.look_model(str(directory))
    assert finding.state == "ok" and load_card(directory).fingerprint[:8] in finding.found
    (directory / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ModelError):
        work.look_model(str(directory))


def test_the_decoders_that_are_here_are_all_that_are_wanted():
    assert machine.look_decoders()[0].state == "ok"


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_terminal(width):

    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    findings = tuple(finding for finding, _, _ in JUDGED)
    console.print(view(Diagnosis("0.1.0", worst(findings), findings)))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert {line.split()[0] for line in lines if line[1:2] in "✓!✗" and line.strip()} == {"✓", "!", "✗"}
