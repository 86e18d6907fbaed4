"""A second supervisor on another node, which leads when the first one's node is gone.

Ray takes a quarter of a minute to notice that a node is dead, and then starts its actors again one after another; a
supervisor that waits elsewhere leads as soon as the lead has run out.
"""

import random
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayError

from actors.named import found

NAME = "supervisor-standby"


class Standby:
    """Looked after by the supervisor that `serve` started, whether or not that one leads.

    Args:
        start: begins to start the actor `NAME` on a node.
    """

    def __init__(self, start: Callable[[str], None]) -> None:
        self._start = start
        self._here = ray.get_runtime_context().get_node_id()
        self._node = ""
        self._asked: Any = None

    def look(self, reachable: tuple[str, ...]) -> None:
        """See to it that a standby is on another node, if there is one; waits for nothing."""
        elsewhere = [node for node in reachable if node != self._here]
        if not elsewhere:
            return
        standby = found(NAME)
        if standby is None:
            self._node, self._asked = random.choice(elsewhere), None
            self._start(self._node)
        elif not self._node:
            self._node = self._told(standby)
        elif self._node not in elsewhere:
            ray.kill(standby)
            self._node = ""

    def _told(self, standby: Any) -> str:
        """Where it is, if it has said so; asked of one that an earlier life of this supervisor started."""
        self._asked = self._asked or standby.node.remote()
        ready, _ = ray.wait([self._asked], timeout=0)
        if not ready:
            return ""
        call, self._asked = self._asked, None
        try:
            return str(ray.get(call))
        except RayError:
            return ""


def end() -> None:
    """End the standby, lest it leads when the others leave."""
    if (standby := found(NAME)) is not None:
        ray.kill(standby)
