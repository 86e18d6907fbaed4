"""One node of a Ray cluster: Ray's processes of this machine, as a child that is watched."""

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Literal

from actors.family import descendants, end
from actors.node_logs import followed
from pipeline.errors import EngineError, UsageError

Role = Literal["head", "control", "decode", "model"]
ROLE_LABEL = "longtake-role"
"""Label of a Ray node that says what it is for; one without it is for everything."""
VERSION_LABELS = {name: f"longtake-{name}-version" for name in ("longtake", "ray", "python")}
"""Labels of a Ray node that say what runs there."""
DEFAULT_PORT = 6380

_TOKEN_MODE = "RAY_AUTH_MODE"
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_ENDS_S = 20.0
_SHM = Path("/dev/shm")
_LEAST_SHM = 80 * 2**20
_ENVIRONMENT = {
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",  # a node whose head is gone ends, so that it can join the next one
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_gcs_server_port_wait_time_s": "120",
}


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What a node is to be.

    Attributes:
        address: HOST:PORT of the cluster's head, or of this node where it is the head.
        role: what it is for; None is everything.
        cpus: cores for hosts that reserve some; None is all. Head and control have none.
        object_store_bytes: shared memory for clips.
    """

    address: str
    role: Role | None
    cpus: int | None = None
    object_store_bytes: int = 256 * 2**20

    def command(self) -> list[str]:
        """Return Ray's own command for such a node; it stays in the foreground."""
        words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        host, port = split_address(self.address)
        if self.role == "head":
            words += ["--head", f"--port={port}", "--include-dashboard=false", "--no-monitor"]
            words += [f"--node-ip-address={host}"] if host else []
        else:
            words += [f"--address={self.address}"]
        words += ["--include-log-monitor=false", f"--object-store-memory={self._object_store_bytes()}"]
        words += [f"--labels={self._labels()}"]
        cpus = 0 if self.role in ("head", "control") else self.cpus
        return words + ([f"--num-cpus={cpus}"] if cpus is not None else [])

    def _labels(self) -> str:
        labels = {VERSION_LABELS[name]: number for name, number in versions().items()}
        role = {ROLE_LABEL: self.role} if self.role else {}
        return ",".join(f"{key}={value}" for key, value in (labels | role).items())

    def _object_store_bytes(self) -> int:
        """Less where the machine has less shared memory to give: Ray would use the disk instead."""
        return max(_LEAST_SHM, min(self.object_store_bytes, shutil.disk_usage(_SHM).total * 3 // 4))


class RayNode:
    """Ray's processes of this node, below one child of this process."""

    def __init__(self, child: "subprocess.Popen[bytes]", said: IO[Any]) -> None:
        self._child = child
        self._said = said

    def alive(self) -> bool:
        """Ray's processes of this node are all there."""
        return self._child.poll() is None

    def why(self) -> str:
        """What Ray said last; of a process that ended, which it was."""
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        ended = [line for line in lines if "[exit code" in line]
        last: str = (ended or lines or [""])[-1]
        return last.rpartition(" -- ")[2]


@contextmanager
def ray_node(plan: NodePlan) -> Iterator[RayNode]:
    """Begin to start a node; leaving the context ends its processes, and all actors there."""
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder, TemporaryFile() as said:
        child = subprocess.Popen(
            [*plan.command(), f"--temp-dir={folder}"],  # of its own: nodes of one machine that share it get mixed up
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt at the terminal is for whoever leads; Ray ends when it is told
        )
        try:
            with followed(Path(folder)):
                yield RayNode(child, said)
        finally:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    family = descendants(child.pid) if child.poll() is None else {}
    child.terminate()
    try:
        child.wait(_ENDS_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    end(family)  # what Ray was not quick enough to end


def versions() -> dict[str, str]:
    """What runs here: what all nodes of a cluster must agree in."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"longtake": version("longtake"), "ray": version("ray"), "python": python}


def use_token(required: bool) -> None:
    """Make this process and those it starts show the cluster's token, where nobody has said whether they shall.

    Raises:
        UsageError: one is `required` and there is none.
    """
    if _TOKEN_MODE in os.environ:
        return
    if any(name in os.environ for name in _TOKENS) or (Path.home() / ".ray" / "auth_token").exists():
        os.environ[_TOKEN_MODE] = "token"
    elif required:
        raise UsageError(
            "a cluster wants a token that all of its machines know, or whoever reaches its ports could run anything "
            "there: make one with `ray get-auth-token --generate` and name the file in RAY_AUTH_TOKEN_PATH on every "
            "machine (RAY_AUTH_MODE=disabled does without)"
        )


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `HOST` or `:PORT`.

    Raises:
        UsageError: it is none of these.
    """
    host, colon, port = address.rpartition(":")
    if not colon:
        return address, DEFAULT_PORT
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"a cluster's address is HOST:PORT, got {address!r}")
    return host, int(port)


def require_free(port: int) -> None:
    """Make sure that nobody on this machine listens on a port.

    Raises:
        EngineError: somebody does, or this user may not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise EngineError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from None


def answers(address: str, timeout_s: float = 2.0) -> bool:
    """Somebody listens at an address."""
    try:
        with socket.create_connection(split_address(address), timeout_s):
            return True
    except OSError:
        return False
