"""Actors that outlive their creator, by name."""

from typing import Any

import ray
from ray.exceptions import RayError

from actors.start import NAMESPACE


def names(prefix: str) -> set[str]:
    """Return the names of all actors of ours that exist and begin so."""
    known = ray.util.list_named_actors(all_namespaces=True)
    return {one["name"] for one in known if one["namespace"] == NAMESPACE and one["name"].startswith(prefix)}


def found(name: str) -> Any:
    """Return an actor's handle, or None where it is gone."""
    try:
        return ray.get_actor(name, NAMESPACE)
    except (ValueError, RayError):
        return None
