"""Starting model workers, for one run or for all who serve streams."""

import os
import uuid
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.model_worker import ModelWorkerActor
from actors.settings import RaySettings
from actors.start import NAMESPACE, actor_class
from pipeline.models.card import load_card

PREFIX = "model-"
_TOLD = 16  # characters of the fingerprint


def start_workers(model: Path, settings: RaySettings) -> dict[str, Any]:
    """Start workers that end with their creator; handles by name.

    A stream actor looks them up, so that it can be started again with plain arguments.
    """
    names = [worker_name(load_card(model).fingerprint) for _ in range(usual_count(settings))]
    identities = [{"name": name, "scheduling_strategy": "SPREAD"} for name in names]
    return {one["name"]: _start(model, settings, one) for one in identities}


def start_lasting(name: str, model: Path, settings: RaySettings, node: str) -> None:
    """Begin to start a worker that outlives its creator: where there is a GPU for it, else on a node."""
    where = "SPREAD" if _gpus() else NodeAffinitySchedulingStrategy(node, soft=False)
    identity = {"name": name, "namespace": NAMESPACE, "lifetime": "detached", "scheduling_strategy": where}
    _start(model, settings, identity)


def worker_name(fingerprint: str) -> str:
    """A new worker's name; it says whose answers it gives."""
    return f"{PREFIX}{fingerprint[:_TOLD]}-{uuid.uuid4().hex[:12]}"


def runtime_env() -> dict[str, Any]:
    """One thread per call; what is here is set before the process imports anything."""
    return {"env_vars": {"OMP_NUM_THREADS": "1"}}


def usual_count(settings: RaySettings) -> int:
    """How many workers a model has where nothing else is said."""
    return settings.model_workers or max(1, _gpus())


def _start(model: Path, settings: RaySettings, identity: dict[str, Any]) -> Any:
    gpus = _gpus()
    threads = 1 if gpus else settings.threads_per_worker or os.cpu_count() or 1
    options = {
        "num_cpus": 0,
        "num_gpus": 1 if gpus else 0,
        "max_restarts": -1,
        "max_task_retries": -1,
        "max_concurrency": 1000,
        "runtime_env": runtime_env(),
    }
    actor = actor_class(ModelWorkerActor).options(**options, **identity)
    return actor.remote(str(model), identity["name"].removeprefix(PREFIX)[:_TOLD], threads, settings.wait_s)


def _gpus() -> int:
    return int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
