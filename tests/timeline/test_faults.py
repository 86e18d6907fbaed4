"""Servers that are down, full, refusing or of another version."""

from pathlib import Path

import pytest

from pipeline.errors import Fenced, StoreDown, StoreFull, StoreVersion
from pipeline.timeline.keys import SCHEMA, StreamKeys
from pipeline.timeline.store import TimelineStore
from tests.timeline import make
from tests.timeline.servers import TcpServer


@pytest.fixture
def start(tmp_path: Path):
    servers = []

    def started(*arguments: str, file_limit: int | None = None) -> TcpServer:
        servers.append(TcpServer(tmp_path, *arguments, file_limit=file_limit))
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


def test_a_server_that_is_not_there_is_down(tmp_path):
    with pytest.raises(StoreDown, match="does not answer") as caught:
        TimelineStore.open("redis://user:hunter2@127.0.0.1:1", tmp_path)
    assert "hunter2" not in str(caught.value) and "127.0.0.1" in str(caught.value)


def test_a_server_that_dies_is_down_and_the_same_store_goes_on_when_it_is_back(start, tmp_path):
    server = start("--appendonly", "yes")
    with TimelineStore.open(server.url, tmp_path) as store:
        lease = make.claim(store)
        store.commit(lease, make.busy_commit(0))
        server.kill()
        with pytest.raises(StoreDown):
            store.commit(lease, make.busy_commit(1))
        with pytest.raises(StoreDown):
            store.timeline(make.STREAM)
        server.start()
        assert store.commit(lease, make.busy_commit(0)) == "repeated"
        assert store.commit(lease, make.busy_commit(1)) == "ok"


def test_a_server_that_lost_its_data_refuses_the_old_owner(start, tmp_path):
    server = start()
    with TimelineStore.open(server.url, tmp_path) as store:
        lease = make.claim(store)
        store.commit(lease, make.busy_commit(0))
        server.client().flushall()
        with pytest.raises(Fenced):
            store.commit(lease, make.busy_commit(1))
        assert make.claim(store).checkpoint is None


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{}", "redis://:hunter2@127.0.0.1:{}", "redis://joe:x@127.0.0.1:{}"])
def test_a_wrong_password_is_said_and_not_shown(start, tmp_path, url):
    server = start("--requirepass", "right")
    with pytest.raises(StoreDown, match="refused the password") as caught:
        TimelineStore.open(url.format(server.port), tmp_path)
    assert "hunter2" not in str(caught.value) and "joe" not in str(caught.value)
    with TimelineStore.open(f"redis://:right@127.0.0.1:{server.port}", tmp_path) as store:
        make.claim(store)


def test_data_of_another_schema_are_refused_before_anything_is_written(start, tmp_path):
    server = start()
    server.client().set(SCHEMA, "99")
    with pytest.raises(StoreVersion, match="schema 99"):
        TimelineStore.open(server.url, tmp_path)
    assert server.client().keys() == [SCHEMA.encode()]


def everything(server: TcpServer) -> dict[bytes, bytes | None]:
    client = server.client()
    return {key: client.dump(key) for key in sorted(client.keys())}


def test_a_server_without_memory_refuses_the_whole_commit_and_nothing_of_it_stays(start, tmp_path):
    server = start("--maxmemory-policy", "noeviction")
    with TimelineStore.open(server.url, tmp_path) as store:
        lease = make.claim(store)
        store.commit(lease, make.busy_commit(0))
        before = everything(server)
        server.client().config_set("maxmemory", "1mb")
        for write in (lambda: store.commit(lease, make.busy_commit(1)), lambda: make.claim(store, "cam2")):
            with pytest.raises(StoreFull, match=r"no memory left .* longtake archive"):
                write()
        assert everything(server) == before
        assert [one.id for one in store.timeline(make.STREAM).segments] == ["s0"]
        server.client().config_set("maxmemory", "0")
        assert store.commit(lease, make.busy_commit(1)) == "ok"


def test_a_full_disk_refuses_commits_and_timeline_and_checkpoint_agree_afterwards(start, tmp_path):
    server = start("--appendonly", "yes", "--appendfsync", "everysec", file_limit=200_000)
    with TimelineStore.open(server.url, tmp_path) as store:
        lease, step = make.claim(store), 0
        with pytest.raises(StoreFull, match=r"no disk left .* append-only file"):
            while step < 1000:
                store.commit(lease, make.busy_commit(step))
                step += 1
        assert 50 < step < 1000
        assert len(store.scores(make.STREAM)) == step
    server.kill()
    again = start("--appendonly", "yes")
    with TimelineStore.open(again.url, tmp_path) as store:
        lease = make.claim(store)
        kept = len(store.scores(make.STREAM))
        assert lease.checkpoint.step == kept - 1 and step - kept <= 1
        assert store.commit(lease, make.busy_commit(kept)) == "ok"


def test_a_full_master_refuses_the_whole_commit_and_is_named(three_masters, tmp_path):
    three_masters.flush()
    with TimelineStore.open(three_masters.url, tmp_path) as store:
        lease = make.claim(store)
        store.commit(lease, make.busy_commit(0))
        full = three_masters.master_of(StreamKeys(make.STREAM).meta)
        assert full is not None
        full.client().config_set("maxmemory", "1mb")
        with pytest.raises(StoreFull, match=rf"node 127.0.0.1:{full.port}.* no memory left .* longtake archive"):
            store.commit(lease, make.busy_commit(1))
        assert store.server_info().limit_bytes == 1 << 20, "the fullest master is told of"
        full.client().config_set("maxmemory", "0")
        assert store.commit(lease, make.busy_commit(1)) == "ok"
