"""A stream to move, and what is left of it in Redis."""

from pipeline.values import Segment
from tests.timeline import make


def segments_every(seconds: float, count: int, start_s: float = 0.0, label: str = "walk") -> list[Segment]:
    return [
        make.segment(f"{label}{n}", start_s + n * seconds, start_s + (n + 0.5) * seconds, label) for n in range(count)
    ]


def write(store, segments=(), gaps=(), until_s=1000.0, pending=None):
    lease = make.claim(store)
    commit = make.commit(
        closed=tuple(one for one in segments if one.end is not None),
        still_open=tuple(one for one in segments if one.end is None),
        gaps=tuple(gaps),
        until_s=until_s,
    )
    store.commit(lease, make.with_pending(commit, pending) if pending else commit)
    return lease


def ids(timeline) -> list[str]:
    return [one.id for one in timeline.segments]


def in_redis(store) -> int:
    """How many closed segments and final gaps have not been moved."""
    return store.client.hlen("lt:{cam1}:segments") + store.client.zcard("lt:{cam1}:gaps")


def mark(store) -> float | None:
    found = store.client.hget("lt:{cam1}:meta", "archived_until")
    return None if found is None else float(found)
