"""Who may see what, and who may do what, in and around the containers."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.chaos.processes import descendants
from tests.e2e.engine import PYTHON
from tests.e2e.world import World

IMAGE = "longtake-decode:0.1.0"

_HEAD = "ray-head:6380"
_JOB = """
import sys, ray
ray.init(sys.argv[1], log_to_driver=False)
print("it did:", ray.get(ray.remote(num_cpus=0)(lambda: 7).remote(), timeout=50))
"""
_KEYS = """
import sys
from ray._raylet import GcsClient
print("it did:", GcsClient(address=sys.argv[1]).internal_kv_keys(b"", b"longtake", timeout=20))
"""
_WORK = {"a job": (PYTHON, "-c", _JOB, _HEAD), "reading keys": (PYTHON, "-c", _KEYS, _HEAD)}
"""Done from within a container that is a node: only from there Ray takes jobs at all."""
_JOINING = {
    "a node": (PYTHON, "-m", "ray.scripts.scripts", "start", f"--address={_HEAD}", "--block"),
    "longtake join": ("longtake", "join", _HEAD),
}
_TOKENS = {
    "without a token": ("RAY_AUTH_MODE=disabled",),
    "with a wrong token": ("RAY_AUTH_MODE=token", "RAY_AUTH_TOKEN=wrong"),
}


def no_secret_shows(world: World) -> Iterator[str]:
    """None in a command line, an environment, what the engine tells of a container, or a log."""
    for container in world.project.containers():
        known = world.project.inspected(container)
        name = known["Name"].lstrip("/")
        texts = {"what the engine tells": json.dumps(known), "its log": world.project.command("logs", container)}
        for pid in descendants(known["State"]["Pid"]):
            texts |= _process(pid)
        for where, text in texts.items():
            yield from (
                f"{name}: {secret} shows in {where}" for secret, value in world.secrets.items() if value in text
            )


def _process(pid: int) -> dict[str, str]:
    """What others on the machine may see of a process; and what those see who are its user."""
    try:
        process = psutil.Process(pid)
        title = process.name()
        environment = Path(f"/proc/{pid}/environ").read_text(errors="replace")
        return {f"the command line of {title}": " ".join(process.cmdline()), f"the environment of {title}": environment}
    except (psutil.Error, OSError):
        return {}  # it has ended meanwhile


def no_port_is_open_to_others(world: World) -> Iterator[str]:
    """What is published is published on this machine alone."""
    for container in world.project.containers():
        known = world.project.inspected(container)
        for port, bindings in (known["HostConfig"].get("PortBindings") or {}).items():
            yield from (
                f"{known['Name']}: {port} is open on {one['HostIp'] or 'every address'}"
                for one in bindings
                if one["HostIp"] != "127.0.0.1"
            )


def strangers_are_refused(world: World) -> Iterator[str]:
    """Ray runs nothing, tells nothing and takes nobody in without its token, and Redis answers nothing."""
    told = world.project.outside("docker.io/library/redis:7.4", "redis-cli", "-h", "redis", "ping")
    if "NOAUTH" not in told:
        yield f"Redis answered a stranger: {told}"
    for kind, variables in _TOKENS.items():
        options = [word for one in variables for word in ("--env", one)]
        for what, words in _WORK.items():
            yield from _refused(f"{what} {kind}", world.project.inside("longtake", *words, options=options))
        for what, words in _JOINING.items():
            given = [*options, "--shm-size=256m"]
            yield from _refused(f"{what} {kind}", world.project.outside(IMAGE, *words, options=given))
    for what, words in _WORK.items():
        told = world.project.inside("longtake", *words)
        if "it did" not in told:
            yield f"{what} with the token fails too, so that the others did tells nothing: {told[-300:]}"


def _refused(what: str, told: str) -> Iterator[str]:
    if "uthentication token is missing or incorrect" not in told:
        yield f"{what} was not refused in so many words: {told[-300:]}"
