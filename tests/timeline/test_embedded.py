"""The embedded server among processes that come, go and are killed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.errors import StoreDown
from pipeline.timeline.store import TimelineStore
from tests.timeline import make

REPOSITORY = Path(__file__).parents[2]
# Opens the store, says so, and waits for a line before it leaves; with an argument it commits on and on.
CLIENT = """
import sys
from pathlib import Path
from pipeline.timeline.store import TimelineStore
from tests.timeline import make

with TimelineStore.open(None, Path(sys.argv[1])) as store:
    print("open", flush=True)
    if len(sys.argv) > 2:
        lease, step = make.claim(store), 0
        while True:
            store.commit(lease, make.busy_commit(step))
            step += 1
            print(step, flush=True)
    sys.stdin.readline()
"""


def client(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLIENT, str(home), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("leave\n", timeout=30)
    assert process.returncode == 0


def server_pid(home: Path) -> int:
    return int((home / "store" / "redis.pid").read_text())


def is_running(home: Path) -> bool:
    try:
        once = Retry(NoBackoff(), 0)
        return bool(redis.Redis(unix_socket_path=str(home / "store" / "redis.sock"), retry=once).ping())
    except redis.ConnectionError:
        return False


def kill_server(home: Path) -> None:
    """Kill the server, or raise `FileNotFoundError` if there is none."""
    pid = server_pid(home)
    if str(home).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
        raise FileNotFoundError(f"process {pid} is not the server of {home}")
    os.kill(pid, signal.SIGKILL)


def test_what_was_committed_is_there_at_the_next_start(tmp_path):
    with TimelineStore.open(None, tmp_path) as store:
        store.commit(make.claim(store), make.busy_commit(0))
    assert not is_running(tmp_path)
    with TimelineStore.open(None, tmp_path) as store:
        assert [one.id for one in store.timeline(make.STREAM).segments] == ["s0"]
        assert make.claim(store).checkpoint.step == 0


def test_processes_share_one_server_and_the_last_to_leave_ends_it(tmp_path):
    with TimelineStore.open(None, tmp_path):
        pid = server_pid(tmp_path)
        other = client(tmp_path)
        assert other.stdout.readline() == "open\n"
    assert is_running(tmp_path) and server_pid(tmp_path) == pid
    leave(other)
    assert not is_running(tmp_path)


def test_many_that_come_at_once_get_one_server(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: TimelineStore.open(None, tmp_path), range(8)))
        leases = [make.claim(store, f"cam{n}") for n, store in enumerate(stores)]
        assert len({store._client.info("server")["run_id"] for store in stores}) == 1
        assert [len(store.streams()) for store in stores] == [8] * 8 and len(leases) == 8
        list(pool.map(TimelineStore.close, stores))
    assert not is_running(tmp_path)


def test_coming_and_going_at_the_same_time_never_finds_a_closed_door(tmp_path):
    def visit(number: int) -> int:
        with TimelineStore.open(None, tmp_path) as store:
            make.claim(store, f"cam{number}")
        return number

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, range(24))) == list(range(24))
    with TimelineStore.open(None, tmp_path) as store:
        assert len(store.streams()) == 24


def test_a_server_left_by_a_killed_client_is_used_again_and_then_ended(tmp_path):
    killed = client(tmp_path)
    assert killed.stdout.readline() == "open\n"
    killed.kill()
    killed.communicate()
    pid = server_pid(tmp_path)
    with TimelineStore.open(None, tmp_path):
        assert server_pid(tmp_path) == pid
    assert not is_running(tmp_path)


def agree(store: TimelineStore) -> int:
    """Check that everything a commit writes stands at the same step, and return how many there are."""
    lease = make.claim(store)
    steps = lease.checkpoint.step + 1 if lease.checkpoint else 0
    timeline, kept = store.timeline(make.STREAM), store.scores(make.STREAM)
    assert [one.step for one in kept] == list(range(steps))
    assert [one.id for one in timeline.segments] == [f"s{n}" for n in range((steps + 9) // 10)]
    assert [one.end is None for one in timeline.segments] == [False] * (len(timeline.segments) - 1) + [True] * bool(
        steps
    )
    assert len(timeline.gaps) == len(range(3, steps, 7))
    closed = [one.value.id for one in store.events(make.STREAM, limit=10_000) if one.kind == "closed"]
    assert closed == [one.id for one in timeline.segments[:-1]]
    assert sum(one.count for one in store.aggregates(make.STREAM)) == len(closed)
    return steps


@pytest.mark.parametrize("commits", [1, 150])
def test_a_killed_server_loses_nothing_that_was_answered_and_halves_nothing(tmp_path, commits):
    writer = client(tmp_path, "commit")
    for _ in range(commits + 1):
        last = writer.stdout.readline()
    kill_server(tmp_path)
    writer.kill()
    writer.communicate()
    with TimelineStore.open(None, tmp_path) as store:
        steps = agree(store)
        assert steps >= int(last)
        assert store.commit(make.claim(store), make.busy_commit(steps)) == "ok"


@pytest.mark.parametrize("lost", [1, 40, 333])
def test_a_file_that_breaks_off_is_read_up_to_its_last_whole_commit(tmp_path, lost):
    with TimelineStore.open(None, tmp_path) as store:
        lease = make.claim(store)
        for step in range(50):
            store.commit(lease, make.busy_commit(step))
    data = tmp_path / "store" / "appendonly.aof"
    os.truncate(data, data.stat().st_size - lost)
    with TimelineStore.open(None, tmp_path) as store:
        assert 45 <= agree(store) < 50


def test_a_store_whose_server_is_killed_starts_it_again(tmp_path):
    with TimelineStore.open(None, tmp_path) as store:
        lease = make.claim(store)
        store.commit(lease, make.busy_commit(0))
        kill_server(tmp_path)
        with pytest.raises(StoreDown, match="does not answer"):
            store.commit(lease, make.busy_commit(1))
        assert store.commit(lease, make.busy_commit(1)) == "ok"
        assert store.commit(lease, make.busy_commit(1)) == "repeated"
        assert agree(store) == 2


def test_a_directory_with_a_very_long_name_gets_a_socket_elsewhere(tmp_path):
    home = tmp_path / ("long name " * 12) / "ü%20?#"
    with TimelineStore.open(None, home) as store:
        socket = Path((home / "store" / "socket-path").read_text())
        assert len(str(socket)) < 100 and (socket.parent.stat().st_mode & 0o777) == 0o700
        other = client(home)
        assert other.stdout.readline() == "open\n"
        make.claim(store)
    leave(other)
    assert not socket.parent.exists()
    with TimelineStore.open(None, home) as store:
        assert [one.name for one in store.streams()] == [make.STREAM]


def test_the_data_are_private_to_their_user(tmp_path):
    with TimelineStore.open(None, tmp_path / "new"):
        assert ((tmp_path / "new" / "store").stat().st_mode & 0o777) == 0o700
        assert ((tmp_path / "new" / "store" / "redis.sock").stat().st_mode & 0o077) == 0


def test_a_damaged_file_is_a_clear_error_that_names_the_log(tmp_path):
    with TimelineStore.open(None, tmp_path) as store:
        make.claim(store)
    data = tmp_path / "store" / "appendonly.aof"
    data.write_bytes(b"*3\r\n$3\r\nSET\r\nrubbish" + data.read_bytes())
    with pytest.raises(StoreDown, match=r"cannot start.*redis\.log"):
        TimelineStore.open(None, tmp_path)


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreDown, match="LONGTAKE_HOME"):
        TimelineStore.open(None, tmp_path / "file")
