"""Object references that the actors of a served fleet hold.

`python -m tests.chaos.references HOST:PORT` joins the cluster whose head is there, asks every named actor what its
process refers to, and prints JSON. A process of its own, because Ray ends one that has lost its head.
"""

import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from actors.model_workers import PREFIX
from actors.start import NAMESPACE
from tests.chaos.parts import ROOT, Served

ANSWER_S = 30.0
_ACTOR_HANDLE = "ff" * 8
"""How the id of an object begins that stands for an actor: no task made it, so it has no task's bytes."""


@dataclass(frozen=True, slots=True)
class References:
    """What is held at one moment.

    Attributes:
        actors: who was asked.
        bytes: in the object stores.
        workers: how many of the actors are model workers.
        values: references to arguments and answers of calls; those to actors live as long as who may call them.
        told: some of the values: the name of the actor that refers to it, and its id.
    """

    actors: int
    workers: int
    bytes: int
    values: int
    told: tuple[str, ...] = ()


def held(served: Served) -> References:
    """Ask the Ray of a served fleet.

    Raises:
        RuntimeError: it cannot be asked.
    """
    command = [sys.executable, "-m", "tests.chaos.references", _head(served)]
    environment = os.environ | {
        "RAY_AUTH_MODE": "token"
    }  # as a Ray that is started on one machine asks of who joins it
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"Ray does not tell its references: {done.stderr[-500:]}")
    return References(**json.loads(done.stdout.splitlines()[-1]))


def _head(served: Served) -> str:
    for pid in served.pids("raylet"):
        for argument in psutil.Process(pid).cmdline():
            if argument.startswith("--gcs-address="):
                return argument.partition("=")[2]
    raise RuntimeError("no raylet tells where its head is")


def _asked(address: str) -> References:
    import ray

    ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    known = ray.util.list_named_actors(all_namespaces=True)
    actors = {one["name"]: ray.get_actor(one["name"], NAMESPACE) for one in known if one["namespace"] == NAMESPACE}
    calls = [actor.__ray_call__.remote(_referred) for actor in actors.values()]
    found = [(name, one) for name, own in zip(actors, ray.get(calls, timeout=ANSWER_S), strict=True) for one in own]
    values = [(name, one) for name, one in found if not one.startswith(_ACTOR_HANDLE)]
    space, free = (
        resources().get("object_store_memory", 0.0) for resources in (ray.cluster_resources, ray.available_resources)
    )
    told = tuple(f"{name} {one}" for name, one in values[:20])
    workers = sum(name.startswith(PREFIX) for name in actors)
    return References(len(actors), workers, round(space - free), len(values), told)


def _referred(_: Any) -> list[str]:
    """Runs in an actor: the ids of all objects that its process refers to."""
    from ray._private.worker import global_worker

    return sorted(one.decode() for one in global_worker.core_worker.get_all_reference_counts())


if __name__ == "__main__":
    print(json.dumps(asdict(_asked(sys.argv[1]))))
