"""Masters die and slots move under a store: callers see `StoreDown` at most, and the same store goes on."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from redis.crc import key_slot

from pipeline.control.board import Board
from pipeline.control.records import Hold, HostInfo
from pipeline.control.wish import Wish
from pipeline.errors import StoreDown
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.store import TimelineStore
from tests.test_store_away import Counted, disturb_and_finish, undisturbed, worker  # noqa: F401
from tests.timeline.servers import Cluster, TcpServer, Watched, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
META = StreamKeys("cam").meta
STREAMS = [f"cam{number}" for number in range(4)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with_replicas = Cluster(tmp_path_factory.mktemp("cluster"), masters=3, replicas=1)
    yield with_replicas
    with_replicas.kill()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    pair = Watched(tmp_path)
    yield pair
    pair.kill()


class Callers:
    """Threads that do all that lanes, hosts, the supervisor and readers do, again and again."""

    def __init__(self, store: TimelineStore) -> None:
        self._store, self._board = store, Board(store)
        for name in STREAMS:
            self._board.put(Wish(name, "file.mp4"))
        leases = [store.claim(name, "file.mp4", "m", frozenset({"walk"})) for name in STREAMS]
        holds = [Hold(lease.stream, "host", lease.token, 1) for lease in leases]
        self._work: dict[str, Callable[[], object]] = {
            "set_state": lambda: [store.set_state(lease, "running") for lease in leases],
            "checkpoint": lambda: [store.checkpoint(lease) for lease in leases],
            "timeline": lambda: [store.timeline(name) for name in STREAMS],
            "aggregates": lambda: [store.aggregates(name) for name in STREAMS],
            "streams": store.streams,
            "server_info": store.server_info,
            "claim": lambda: store.claim("another", "file.mp4", "m", frozenset({"walk"})),
            "view": self._board.view,
            "beat": lambda: self._board.beat(HostInfo("host", "node", (), True, 1)),
            "keep": lambda: self._board.keep_all(holds),
            "lead": lambda: self._board.lead("me", 1.0),
            "poked": lambda: self._board.poked(0.1),
        }
        self.done: Counter[str] = Counter()
        self.down = 0
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(self._work))
        self._calls = [self._pool.submit(self._repeat, name) for name in self._work]

    def all_go_on(self) -> None:
        """Return when every call has been answered twice from now on: the first one may have begun before."""
        before = self.done.copy()
        wait_for(lambda: self._answered_since(before), "all calls are answered")

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown()

    def _answered_since(self, before: Counter[str]) -> bool:
        """All calls were; raise what any of them raised that is not a `StoreDown`."""
        for call in self._calls:
            if call.done():
                call.result()
        return all(self.done[name] > before[name] + 1 for name in self._work)

    def _repeat(self, name: str) -> None:
        while not self._stop.is_set():
            try:
                self._work[name]()
                self.done[name] += 1
            except StoreDown:
                self.down += 1
                self._stop.wait(0.05)


def cut_off(replica: TcpServer) -> None:
    """Let a replica follow its master no more, and keep what it has: the master refuses its password."""
    client = replica.client()
    client.config_set("masteruser", "nobody")
    client.config_set("masterauth", "wrong")
    client.execute_command("CLIENT KILL", "TYPE", "master")
    wait_for(lambda: not replica.replicates(), "the replica is cut off")


def move_slots(cluster: Cluster, target: TcpServer) -> None:
    """Move the slots of all streams to `target`, key by key, as `redis-cli --cluster reshard` does."""
    for name in STREAMS:
        slot, source = key_slot(StreamKeys(name).meta.encode()), cluster.master_of(StreamKeys(name).meta)
        assert source is not None
        target.cluster("SETSLOT", slot, "IMPORTING", source.cluster("MYID"))
        source.cluster("SETSLOT", slot, "MIGRATING", target.cluster("MYID"))
        # Key by key, so that the callers meet slots that are half here and half there.
        wait_for(partial(_one_moved, source, target, slot), "the slot has moved")
        for server in (target, source):
            server.cluster("SETSLOT", slot, "NODE", target.cluster("MYID"))


def _one_moved(source: TcpServer, target: TcpServer, slot: int) -> bool:
    keys = source.cluster("GETKEYSINSLOT", slot, 1)
    for key in keys:
        source.client().execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000, "REPLACE")
    return not keys


def test_callers_of_a_cluster_go_on_when_a_master_dies_and_when_slots_move_to_a_new_one(cluster, tmp_path):
    with TimelineStore.open(cluster.url, tmp_path) as store, closing(Callers(store)) as callers:
        callers.all_go_on()
        victim = cluster.fail_over(META)
        callers.all_go_on()
        assert callers.down > 0
        victim.start()
        wait_for(victim.replicates, "the old master follows the new one")
        move_slots(cluster, cluster.add())
        callers.all_go_on()


def test_callers_go_on_when_sentinels_choose_another_master(watched, tmp_path):
    with TimelineStore.open(watched.url, tmp_path) as store, closing(Callers(store)) as callers:
        callers.all_go_on()
        victim = watched.fail_over()
        callers.all_go_on()
        assert callers.down > 0
        victim.start()
        wait_for(victim.replicates, "the old master follows the new one")
        callers.all_go_on()


def test_a_lane_on_a_cluster_whose_master_dies_gives_the_timeline_of_an_undisturbed_run(
    worker,  # noqa: F811
    cluster,
    undisturbed,  # noqa: F811
    tmp_path,
):
    def disturb(counted: Counted) -> None:
        counted.wait(4)
        cluster.fail_over(META)

    assert disturb_and_finish(worker, cluster, tmp_path, disturb) == undisturbed


@pytest.mark.parametrize("remembered_s", [30.0, 0.0])
def test_a_lane_whose_new_master_lacks_its_last_commits_gives_the_timeline_of_an_undisturbed_run(
    worker,  # noqa: F811
    watched,
    undisturbed,  # noqa: F811
    tmp_path,
    remembered_s,
):
    """From the lane's memory of its last commits, or by reading the recording again from where the store stands."""

    def disturb(counted: Counted) -> None:
        counted.wait(4)
        master = watched.master()
        replica = next(server for server in watched.servers if server is not master)
        cut_off(replica)
        held = replica.client().hgetall(META)
        counted.wait(8)
        assert int(master.client().hget(META, "step")) > int(held[b"step"]), "the replica lacks commits"
        watched.fail_over()
        assert watched.master() is replica

    assert disturb_and_finish(worker, watched, tmp_path, disturb, remembered_s) == undisturbed
