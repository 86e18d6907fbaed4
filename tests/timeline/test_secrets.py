"""Passwords that stand in files, and connections that nobody listens to."""

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.stores import open_patiently
from longtake.cli import app
from longtake.output import messages
from longtake.stores import open_store
from pipeline.errors import StoreDown, StoreError, UsageError
from pipeline.timeline.clients import PASSWORD_FILE
from pipeline.timeline.store import TimelineStore
from tests.timeline import make
from tests.timeline.servers import Certificate, Cluster, TcpServer, binary, free_port, wait_for

PASSWORD = "hunter2"


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv(PASSWORD_FILE, str(file))
    return file


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., TcpServer]]:
    servers: list[TcpServer | Cluster] = []

    def started(kind: type[TcpServer | Cluster], *arguments: object, **named: object) -> TcpServer | Cluster:
        folder = tmp_path / f"redis{len(servers)}"
        folder.mkdir()
        servers.append(kind(folder, *arguments, **named))
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


@pytest.fixture
def locked(start) -> TcpServer:
    return start(TcpServer, "--requirepass", PASSWORD)


def use(url: str, home: Path) -> None:
    with TimelineStore.open(url, home) as store:
        assert store.commit(make.claim(store), make.busy_commit(0)) == "ok"
        assert PASSWORD not in repr(store.client)


def test_the_password_of_a_store_is_read_from_a_file_where_the_url_has_none(locked, secret, tmp_path):
    use(locked.url, tmp_path)
    with open_store(locked.url) as store, open_patiently(locked.url, tmp_path) as other:
        assert store.streams() == other.streams()


def test_a_variable_names_the_store_of_commands_that_are_given_none(locked, secret, monkeypatch, tmp_path):
    monkeypatch.setenv("LONGTAKE_STORE", locked.url)
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    with TimelineStore.open(locked.url, tmp_path) as store:
        make.claim(store)
    told = CliRunner().invoke(app, ["streams", "ls", "--format", "json"])
    assert json.loads(told.stdout)["streams"][0]["name"] == make.STREAM
    assert not (tmp_path / "home" / "store").exists(), "the embedded server was not started"


def test_a_password_in_the_url_counts_before_the_file(locked, secret, tmp_path):
    secret.write_text("another")
    use(f"redis://:{PASSWORD}@127.0.0.1:{locked.port}", tmp_path)


def test_the_file_has_the_password_of_the_user_in_the_url(locked, secret, tmp_path):
    locked.client().acl_setuser("joe", enabled=True, passwords="+joes", keys="*", commands=["+@all"])
    secret.write_text("joes")
    with TimelineStore.open(f"redis://joe@127.0.0.1:{locked.port}", tmp_path) as store:
        assert store.client.acl_whoami() == "joe"


def test_the_embedded_store_needs_no_password_and_a_cluster_takes_it_from_the_same_file(start, secret, tmp_path):
    with TimelineStore.open(None, tmp_path / "home") as store:
        make.claim(store)
    cluster = start(Cluster, 1, arguments=["--requirepass", PASSWORD])
    use(cluster.url, tmp_path)
    secret.write_text("wrong")
    with pytest.raises(StoreDown, match="refused the password"):
        TimelineStore.open(cluster.url, tmp_path)


def test_a_password_that_changes_is_read_again_with_the_next_connection(locked, secret, tmp_path):
    with TimelineStore.open(locked.url, tmp_path) as store:
        client = locked.client()
        client.config_set("requirepass", "new")
        client.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(StoreDown, match=f"refused the password.*{PASSWORD_FILE}"):
            store.streams()
        secret.write_text("new")
        assert store.streams() == []
        secret.unlink()
        client.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(StoreDown, match="its password file cannot be read"):
            store.streams()


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_a_password_is_wrong_usage(secret, tmp_path, content):
    secret.unlink() if content is None else secret.write_text(content)
    with pytest.raises(UsageError, match=f"{PASSWORD_FILE} names .*secret, which cannot be read"):
        TimelineStore.open("redis://127.0.0.1:1", tmp_path)


def test_who_waits_for_a_store_says_once_what_it_waits_for_and_goes_on_when_the_password_is_right(
    locked, secret, monkeypatch
):
    said: list[str] = []
    monkeypatch.setattr(messages, "print", lambda text, **_: said.append(str(text)))
    secret.write_text("wrong")
    with pytest.raises(StoreDown, match="refused the password"):
        open_store(locked.url)
    assert not said, "who does not wait is told by the error"
    locked.client().acl_log_reset()
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(open_store, locked.url, 120.0)
        wait_for(lambda: said and refusals(locked) > 12, "it has tried several times")
        secret.write_text(PASSWORD)
        opening.result(120).close()
    [sentence] = said
    assert "refused the password" in sentence and "trying again for 120 s" in sentence
    assert PASSWORD not in sentence and "wrong" not in sentence


def refusals(server: TcpServer) -> int:
    return sum(int(entry["count"]) for entry in server.client().acl_log())


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("pem"))


def test_a_store_is_reached_over_tls_by_who_shows_and_knows_the_certificate(start, pem, tmp_path):
    server = start(TcpServer, pem=pem)
    here = f"127.0.0.1:{server.port}"
    use(f"rediss://{here}?{pem.query()}", tmp_path)
    with pytest.raises(StoreDown, match="certificate verify failed"):
        TimelineStore.open(f"rediss://{here}", tmp_path)
    with pytest.raises(StoreDown):
        TimelineStore.open(f"rediss://{here}?ssl_ca_certs={pem.cert}", tmp_path)
    with pytest.raises(StoreDown):
        TimelineStore.open(f"redis://{here}", tmp_path)


def test_a_cluster_is_reached_over_tls(start, pem, tmp_path):
    server = start(TcpServer, "--cluster-enabled", "yes", "--tls-cluster", "yes", pem=pem)
    server.own_all_slots()
    use(f"rediss+cluster://127.0.0.1:{server.port}?{pem.query()}", tmp_path)


def test_sentinels_are_asked_over_tls_and_with_the_password_if_they_want_it(start, pem, secret, tmp_path):
    master, port = start(TcpServer, "--requirepass", PASSWORD, pem=pem), free_port()
    lines = ["port 0", f"tls-port {port}", "tls-replication yes", f"requirepass {PASSWORD}"]
    lines += [" ".join([option.removeprefix("--"), value]) for option, value in pairs(pem.server())]
    lines += [f"sentinel monitor timelines 127.0.0.1 {master.port} 1", f"sentinel auth-pass timelines {PASSWORD}"]
    (tmp_path / "sentinel.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(
        [binary(), str(tmp_path / "sentinel.conf"), "--sentinel"], stdout=subprocess.DEVNULL, cwd=tmp_path
    )
    url = f"rediss+sentinel://127.0.0.1:{port}/timelines?{pem.query()}"
    try:
        wait_for(lambda: used(f"{url}&sentinel_auth=yes", tmp_path), "the sentinel names the master")
        with pytest.raises(StoreDown, match="name no master now"):
            TimelineStore.open(url, tmp_path)
    finally:
        process.kill()
        process.wait()


def used(url: str, home: Path) -> bool:
    try:
        use(url, home)
    except StoreDown:
        return False
    return True


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize(
    ("scheme", "path", "said"),
    [("redis+cluster", "", "is no Redis Cluster"), ("redis+sentinel", "/timelines", "is no sentinel")],
)
def test_a_server_of_another_kind_is_named_as_what_it_is_not(start, tmp_path, scheme, path, said):
    server = start(TcpServer)
    with pytest.raises(StoreError, match=said):
        TimelineStore.open(f"{scheme}://127.0.0.1:{server.port}{path}", tmp_path)


def test_one_node_of_a_cluster_is_not_taken_for_a_server(start, tmp_path):
    cluster = start(Cluster, 3)
    with pytest.raises(StoreError, match=r"is one node of a Redis Cluster .* redis\+cluster://"):
        for server in cluster.servers:
            TimelineStore.open(server.url, tmp_path).close()
