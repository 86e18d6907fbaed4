"""The models of a host's streams, each looked up once and kept up with the board."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from actors.members import Find, Members
from actors.pool import RayPool
from pipeline.control.scale import Pool
from pipeline.errors import EngineError
from pipeline.flow import Serving
from pipeline.models.card import ModelCard, load_card


class Models:
    """Who serves what.

    Args:
        pools: reads the board.
        find: returns a worker by name, or None where there is none of that name.
    """

    START_S = 300.0
    LOOK_S = 0.25

    def __init__(self, pools: Callable[[], Mapping[str, Pool]], find: Find, hedge_s: float) -> None:
        self._pools = pools
        self._find = find
        self._hedge_s = hedge_s
        self._known: dict[str, Serving] = {}  # by fingerprint, like the rest
        self._members: dict[str, Members] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def serving(self, directory: Path) -> Serving:
        """Return who serves a model; waits until it is loaded.

        Raises:
            ModelError: the directory holds no model.
            EngineError: nobody serves it, or its workers failed.
        """
        card = load_card(directory)
        with self._locks[card.fingerprint]:  # who asks for another model need not wait for this one
            if card.fingerprint not in self._known:
                self._known[card.fingerprint] = self._found(card)
            return self._known[card.fingerprint]

    def update(self) -> None:
        """Look at the board once and keep every pool to it; called with every beat.

        Raises:
            StoreError: the board cannot be read; the pools stay as they are.
        """
        if not self._members:
            return
        records = self._pools()
        for fingerprint, members in list(self._members.items()):
            if record := records.get(fingerprint):
                try:
                    members.update(record)
                except EngineError:
                    self._forget(fingerprint)

    def _forget(self, fingerprint: str) -> None:
        """The next stream begins with another pool; the lanes of this one have failed and will be run again."""
        self._members.pop(fingerprint, None)
        self._known.pop(fingerprint, None)

    def _found(self, card: ModelCard) -> Serving:
        pool = RayPool({}, self._hedge_s)
        members = Members(card.name, pool, self._find)
        deadline_s = time.monotonic() + self.START_S
        try:
            while time.monotonic() < deadline_s:
                pools = self._pools()
                if (record := pools.get(card.fingerprint)) is None:
                    raise EngineError(_unserved(card, pools))
                members.update(record)
                if members.wait(self.LOOK_S):
                    self._members[card.fingerprint] = members
                    return Serving(card, pool, members.numerics)
            raise EngineError(f"the workers of model {card.name!r} did not answer within {self.START_S:g} s")
        except BaseException:
            pool.close("nobody asked")
            raise


def _unserved(card: ModelCard, pools: Mapping[str, Pool]) -> str:
    others = [fingerprint for fingerprint, pool in pools.items() if Path(pool.model).name == card.name]
    if not others:
        return f"no model worker serves {card.name!r} yet"
    return (
        f"model {card.name!r} is {card.fingerprint} on this node, and model workers serve {', '.join(others)}; "
        "install the same on every node"
    )
