"""Starting model workers, for one run or for all who serve streams."""

import os
import uuid
from pathlib import Path
from typing import Any

import ray

from actors.metrics import DIRECTORY
from actors.model_worker import ModelWorkerActor
from actors.settings import RaySettings
from actors.start import NAMESPACE
from pipeline.models.card import load_card


def start_workers(model: Path, settings: RaySettings, metrics: Path | None) -> dict[str, Any]:
    """Start workers that end with their creator; handles by name.

    A stream actor looks them up, so that it can be started again with plain arguments.
    """
    names = [f"model-worker-{uuid.uuid4().hex}" for _ in range(_count(settings))]
    return {name: _start(model, settings, metrics, {"name": name}) for name in names}


def serve_model(model: Path, settings: RaySettings, metrics: Path | None) -> list[Any]:
    """Return handles of the workers that serve the model to everybody, started where they are missing.

    They are detached and named by the model's fingerprint, so hosts and the next supervisor find the same ones.

    Raises:
        ModelError: the directory holds no model.
    """
    lasting = {"namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    names = [f"{_prefix(model)}{number}" for number in range(_count(settings))]
    return [_start(model, settings, metrics, {"name": name, **lasting}) for name in names]


def find_workers(model: Path) -> list[Any]:
    """Return handles of the workers that serve the model; none where nobody has started them."""
    prefix = _prefix(model)
    known = sorted(one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if _is_ours(one))
    return [ray.get_actor(name, NAMESPACE) for name in known if name.startswith(prefix)]


def runtime_env(metrics: Path | None) -> dict[str, Any]:
    """One thread per call; what is here is set before the process imports anything."""
    variables = {"OMP_NUM_THREADS": "1"}
    return {"env_vars": variables | ({DIRECTORY: str(metrics)} if metrics is not None else {})}


def _start(model: Path, settings: RaySettings, metrics: Path | None, identity: dict[str, Any]) -> Any:
    gpus = _gpus()
    threads = 1 if gpus else settings.threads_per_worker or os.cpu_count() or 1
    options = {
        "num_cpus": 0,
        "num_gpus": 1 if gpus else 0,
        "max_restarts": -1,
        "max_task_retries": -1,
        "max_concurrency": 1000,
        "runtime_env": runtime_env(metrics),
    }
    actor = ray.remote(ModelWorkerActor).options(**options, **identity)
    return actor.remote(str(model), threads, settings.wait_s)


def _count(settings: RaySettings) -> int:
    return settings.model_workers or max(1, _gpus())


def _gpus() -> int:
    return int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]


def _prefix(model: Path) -> str:
    return f"model-{load_card(model).fingerprint[:16]}-"


def _is_ours(actor: dict[str, str]) -> bool:
    return actor["namespace"] == NAMESPACE
