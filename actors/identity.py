"""What all nodes of a cluster must have in common, compared by whoever joins.

The nodes exchange Python objects and must give equal answers, so the same longtake, the same Ray, the same Python and
the same model are asked for, and a machine that differs is told so before it starts anything. Versions are labels of
the nodes; which models are served stands in the head's key-value table.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ray._raylet import Config, GcsClient  # type: ignore[attr-defined]  # the only way to ask without being a node
from ray.exceptions import AuthenticationError, RayError, RpcError

from actors.ray_node import VERSION_LABELS, answers, versions
from pipeline.errors import EngineError, LongtakeError, UsageError
from pipeline.models.card import load_card, resolve

_NAMESPACE, _MODELS = b"longtake", b"models"
_ANSWER_S = 10.0
_ALIVE = 0


class Registry:
    """What the head of a cluster knows of it.

    Args:
        address: HOST:PORT of the head.

    Raises:
        UsageError: the head wants a token that was not given, or another one.
        EngineError: it does not answer.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        Config.initialize("")  # Ray read the environment when it was imported, perhaps before a token was named there
        self._client: Any = self._asked(lambda: GcsClient(address=address))

    def publish_models(self, models: Mapping[str, str]) -> None:
        """Say which models are served: fingerprint by registered name or directory."""
        packed = json.dumps(dict(models)).encode()
        self._asked(lambda: self._client.internal_kv_put(_MODELS, packed, True, _NAMESPACE, timeout=_ANSWER_S))

    def check(self) -> None:
        """Compare what the cluster is with what is here.

        Raises:
            UsageError: something differs; both are named.
            EngineError: the cluster has no node yet.
        """
        nodes = self._nodes()
        if not nodes:
            raise EngineError(f"the cluster at {self._address} has no node yet")
        for name, label in VERSION_LABELS.items():
            theirs = {node.labels[label] for node in nodes if label in node.labels}
            self._compare(name, theirs, versions()[name])
        for name, fingerprint in self._models().items():
            self._compare(f"model {name!r}", {fingerprint}, _own_fingerprint(name) or fingerprint)

    def addresses(self) -> set[str]:
        """IP addresses of the nodes that answer; the table calls one alive for a while after it died."""
        nodes = ((node.node_manager_address, node.node_manager_port) for node in self._nodes())
        return {address for address, port in nodes if answers(f"{address}:{port}")}

    def _compare(self, what: str, theirs: set[str], ours: str) -> None:
        if theirs - {ours}:
            raise UsageError(
                f"this machine cannot join the cluster at {self._address}: {what} is {', '.join(sorted(theirs))} "
                f"there, {ours} here; install the same"
            )

    def _nodes(self) -> list[Any]:
        nodes = self._asked(lambda: self._client.get_all_node_info(timeout=_ANSWER_S)).values()
        return [node for node in nodes if node.state == _ALIVE]

    def _models(self) -> dict[str, str]:
        stored = self._asked(lambda: self._client.internal_kv_get(_MODELS, _NAMESPACE, timeout=_ANSWER_S))
        return {} if stored is None else {str(name): str(value) for name, value in json.loads(stored).items()}

    def _asked(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except AuthenticationError:
            raise UsageError(
                f"the cluster at {self._address} refused this machine: its token is missing or another one; "
                "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to a file with the cluster's token"
            ) from None
        except (RayError, RpcError) as error:
            raise EngineError(f"the head of the cluster at {self._address} does not answer: {error}") from None


def _own_fingerprint(name: str) -> str:
    """The fingerprint of a model as it is here, or "" where it is not; whoever needs it here will say so."""
    try:
        return load_card(resolve(name)).fingerprint
    except LongtakeError:
        return ""
