"""Backup, wipe, restore: the same timelines, and streams that go on where they were."""

import json
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.archive.archive import Archive
from pipeline.clock import SystemClock
from pipeline.control.board import Board
from pipeline.control.wish import Wish
from pipeline.errors import Fenced, LongtakeError, StoreError, StoreVersion, UsageError
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.inline import InlinePool
from pipeline.timeline import codec
from pipeline.timeline.backup import Backup, BackupError, write
from pipeline.timeline.copies import StreamCopy, copy, pack, unpack
from pipeline.timeline.copies import restore as put_back
from pipeline.timeline.moves import move
from pipeline.timeline.store import TimelineStore
from pipeline.values import Commit, GapReason
from tests.decode.films import film, steady
from tests.live.test_lying_cameras import LIVE_FILM
from tests.live.ts_camera import Manner, camera
from tests.test_store_away import Counted, undisturbed, watch, worker  # noqa: F401
from tests.timeline import make
from tests.timeline.servers import Cluster, TcpServer

CAMERAS = ("cam1", "cam2", "cam3", "cam4")
SECRET = "rtsp://u:hunter2@cam/1"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TcpServer | Cluster]]:
    made: dict[str, TcpServer | Cluster] = {
        "server": TcpServer(tmp_path_factory.mktemp("redis")),
        "cluster": Cluster(tmp_path_factory.mktemp("cluster")),
    }
    yield made
    for server in made.values():
        server.kill()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def store(place: Path) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, place / "home") as opened:
        yield opened


@pytest.fixture
def kept(store: TimelineStore, place: Path) -> Path:
    """A backup of two streams and a wish."""
    for name in CAMERAS[:2]:
        fill(store, name)
    Board(store).put(Wish("new", SECRET))
    call("backup", str(place / "kept.zip"))
    return place / "kept.zip"


def call(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, LongtakeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def named(commit: Commit, stream: str) -> Commit:
    return replace(commit, stream=stream, checkpoint=replace(commit.checkpoint, stream=stream))


def fill(store: TimelineStore, stream: str) -> None:
    """All that a stream can have."""
    lease = make.claim(store, stream)
    for step in range(25):
        store.commit(lease, named(make.busy_commit(step), stream))
    Board(store).put(Wish(stream, "rtsp://${USER}:${PW}@cam", paused=True))


def told(store: TimelineStore) -> list[Any]:
    """All that people ask a store."""
    names = [info.name for info in store.streams()]
    wishes = {name: (wish.uri, wish.paused) for name, wish in Board(store).wishes().items()}
    more = [str((store.scores(name), store.aggregates(name), store.events(name))) for name in names]
    return [wishes, store.streams(), more]


def shown(stream: str, *where: str) -> str:
    return call("timeline", stream, "--format", "json", *where)


def test_a_store_that_was_backed_up_wiped_and_restored_elsewhere_and_back_is_the_same(store, place, servers):
    for name in CAMERAS:
        fill(store, name)
    Board(store).put(Wish("new", SECRET))
    assert move(store, Archive(str(place / "archive")), 0.0).files > 0, "a part of the timelines lies in files"
    fill(store, "cam9")
    answers, before = {name: shown(name) for name in (*CAMERAS, "cam9")}, told(store)
    files = []
    for number, url in enumerate([None, servers["cluster"].url, servers["server"].url]):
        where = ["--store", url] if url else []
        files.append(place / f"{number}.zip")
        call("backup", str(files[-1]), *where)
        store.client.flushall()
        target = [None, servers["cluster"].url, servers["server"].url, None][number + 1]
        call("restore", str(files[-1]), *(["--store", target] if target else []))
        for name, answer in answers.items():
            assert shown(name, *(["--store", target] if target else [])) == answer
    assert told(store) == before
    copies = [[pack(copied) for copied in Backup(file).copies()] for file in files]
    assert copies[0] == copies[1] == copies[2]


def test_each_stream_is_copied_at_one_moment_while_it_is_being_written(store, place):
    steps, over = 200, threading.Event()

    def write_on() -> None:
        lease = make.claim(store)
        for step in range(steps):
            store.commit(lease, make.busy_commit(step))
        over.set()

    copies = []
    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(write_on)
        while len(copies) < 12 and not writing.done():
            copies.append(copy(store, "cam1"))
            over.wait(0.02)
        writing.result()
    moments = {}
    for copied in filter(None, copies):
        store.client.flushall()
        assert put_back(store, copied)
        lease = make.claim(store)
        step = -1 if lease.checkpoint is None else lease.checkpoint.step
        assert len(store.scores("cam1")) == step + 1, "scores and checkpoint are of one commit"
        if step + 1 < steps:
            assert store.commit(lease, make.busy_commit(step + 1)) == "ok"
        moments[step] = True
    assert len(moments) > 3, "copies were taken at different moments"


def test_who_owned_a_stream_that_was_replaced_can_write_it_no_more_and_the_next_owner_goes_on(store, kept):
    lease = make.claim(store)
    store.commit(lease, make.busy_commit(25))
    generation = Board(store).wish("cam1").generation
    call("restore", str(kept), "--replace")
    with pytest.raises(Fenced):
        store.commit(lease, make.busy_commit(26))
    again = make.claim(store)
    assert again.checkpoint is not None and again.checkpoint.step == 24
    assert store.commit(again, make.busy_commit(25)) == "ok"
    assert Board(store).wish("cam1").generation > generation, "who runs it now is told to begin again"
    assert Board(store).poked(1.0)


def test_only_its_owner_may_read_a_backup_for_it_holds_what_was_wished(kept):
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with Backup(kept) as found:
        wishes = [copied.wish for copied in found.copies() if copied.stream == "new"]
        assert [json.loads(wish)["uri"] for wish in wishes] == [SECRET]
        assert all("owner" not in str(copied.keys["meta"]) for copied in found.copies() if copied.keys)


def test_streams_that_are_there_are_not_overwritten_by_chance_and_nothing_else_is_written(store, kept):
    store.remove("cam1")
    Board(store).remove("cam1")
    before = told(store)
    with pytest.raises(UsageError, match="already: cam2, new; --replace"):
        call("restore", str(kept))
    assert told(store) == before


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[300] ^= 0xFF
    file.write_bytes(data)


def rewrite(change: Callable[[dict[str, bytes]], None]) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        with zipfile.ZipFile(file) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        change(entries)
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)

    return spoil


def as_of(**changes: Any) -> Callable[[Path], None]:
    def change(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = json.dumps(json.loads(entries["manifest.json"]) | changes).encode()

    return rewrite(change)


def swap(entries: dict[str, bytes]) -> None:
    entries["streams/cam1.msgpack"] = entries["streams/cam2.msgpack"]


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (Path.unlink, BackupError, "there is no backup"),
        (lambda file: file.write_bytes(b"no zip"), BackupError, "its end or its list of streams is missing"),
        (cut, BackupError, "its end or its list of streams is missing"),
        (flip, BackupError, "stream 'cam1' in it is missing or damaged"),
        (rewrite(swap), BackupError, "stream 'cam1' in it is missing or damaged"),
        (rewrite(lambda entries: entries.pop("streams/cam2.msgpack")), BackupError, "stream 'cam2' in it is missing"),
        (rewrite(lambda entries: entries.pop("manifest.json")), BackupError, "list of streams is missing"),
        (as_of(streams=[{"stream": "cam1"}]), BackupError, "list of streams is missing"),
        (as_of(format=2, longtake="9.0"), StoreVersion, "longtake 9.0 with format 2, this one reads format 1"),
        (as_of(values=99), StoreVersion, "with values 99, this one reads values"),
    ],
)
def test_a_file_that_is_no_whole_backup_of_this_version_is_refused_before_anything_is_written(
    store, kept, spoil, error, said
):
    store.client.flushall()
    spoil(kept)
    with pytest.raises(StoreError, match=said) as caught:
        call("restore", str(kept))
    assert type(caught.value) is error
    assert not [key for key in store.client.scan_iter("lt:*") if key != b"lt:schema"]


def test_a_backup_of_an_older_longtake_is_restored(store, kept):
    answer = shown("cam1")
    as_of(values=codec.OLDEST)(kept)
    store.client.flushall()
    call("restore", str(kept))
    assert shown("cam1") == answer


@pytest.mark.parametrize(
    "content",
    [
        None,
        ["cam1"],
        ["ca}m", {}, None],
        [7, {}, None],
        ["cam1", {"by_start:unknown": ["zset", []]}, None],
        ["cam1", {"hold": ["string", [[b"x"]]]}, None],
        ["cam1", {"meta": ["hash", [[b"field"]]]}, None],
        ["cam1", {"meta": ["script", [[b"a", b"b"]]]}, None],
        ["cam1", {"meta": 7}, None],
        ["cam1", {}, 7],
    ],
)
def test_what_is_no_copy_of_a_stream_is_not_taken_for_one(content):
    version = msgpack.unpackb(pack_empty())[0]
    with pytest.raises(ValueError, match=r"it is|it holds|to unpack"):
        unpack(msgpack.packb(content if content is None else [version, *content]))


def pack_empty() -> bytes:
    return pack(StreamCopy("cam1", {}))


def test_a_backup_that_cannot_be_finished_leaves_the_one_before(kept, place):
    before = kept.read_bytes()

    def copies() -> Iterator[Any]:
        raise OSError(28, "No space left on device")
        yield

    with pytest.raises(BackupError, match="cannot be written: No space left on device"):
        write(kept, copies(), "1")
    assert kept.read_bytes() == before
    assert not list(place.glob(".kept*"))
    with pytest.raises(BackupError, match="No such file"):
        call("backup", str(place / "nowhere" / "kept.zip"))


@pytest.mark.slow
def test_a_recording_goes_on_from_a_backup_that_was_taken_while_it_was_watched(
    worker,  # noqa: F811
    undisturbed,  # noqa: F811
    store,
    place,
):
    counted = Counted()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(watch, worker, store, counted)
        counted.wait(5)
        call("backup", str(place / "kept.zip"))
        assert running.result(120).state == "ended"
    store.client.flushall()
    call("restore", str(place / "kept.zip"))
    lease = store.claim("cam", "synthetic://seed=4&duration=30", worker.card.fingerprint, frozenset(worker.card.labels))
    assert lease.checkpoint is not None and not lease.checkpoint.finished and lease.checkpoint.step >= 4
    assert watch(worker, store, Hooks()).state == "ended"
    assert shown("cam") == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_camera_goes_on_from_a_backup_with_a_gap_for_the_time_between(worker, store, place):  # noqa: F811
    pictures = film(place / "pictures.ts", steady(25), options=LIVE_FILM | {"g": "5"})
    with camera(pictures, Manner()) as uri:
        first = watched_until(worker, store, uri, commits=4)
        call("backup", str(place / "kept.zip"))
        before = store.timeline("cam")
        store.client.flushall()
        call("restore", str(place / "kept.zip"))
        assert store.timeline("cam") == before
        second = watched_until(worker, store, uri, commits=4)
    assert {first.state, second.state} == {"paused"}
    gaps = store.timeline("cam").gaps
    assert GapReason.PAUSED in {gap.reason for gap in gaps if gap.start >= before.duration}
    scores = store.scores("cam")
    assert scores[0].epoch == 0 and scores[-1].epoch > 0


def watched_until(worker: Any, store: TimelineStore, uri: str, commits: int) -> Report:  # noqa: F811
    """Watch a camera until it was answered for several times, then stop in good order."""
    pool, counted = InlinePool(worker, 1, Hooks()), Counted()
    serving = Serving(worker.card, pool, worker.numerics.digest())
    run = StreamRun(Job("cam", uri, live=True), serving, store, FlowSettings(), counted, SystemClock())
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run.run)
        counted.wait(commits)
        run.stop()
        report = running.result(120)
    pool.close()
    return report
